import type { ImageTask, ImageRecord, ImageLocation } from '../../images/image-record.ts';
import { storesOf } from '../../images/image-record.ts';

/** To the second, as Glance shows times. */
export const timeView = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;

export const locationView = ({ store, sha512, url, metadata }: ImageLocation) => ({
  url: url ?? `rackwright://${store}/${sha512}`,
  metadata,
});

/** An image with its additional properties beside its own, as Image v2 has it. */
export function imageView(image: ImageRecord, options: { readonly showsLocations: boolean }): Record<string, unknown> {
  const stores = storesOf(image);
  return {
    ...image.properties,
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    owner: image.owner,
    disk_format: image.disk_format,
    container_format: image.container_format,
    min_disk: image.min_disk,
    min_ram: image.min_ram,
    size: image.size,
    virtual_size: image.virtual_size,
    checksum: image.checksum,
    os_hash_algo: image.os_hash_algo,
    os_hash_value: image.os_hash_value,
    protected: image.protected,
    os_hidden: image.os_hidden,
    tags: image.tags,
    created_at: timeView(image.created_at),
    updated_at: timeView(image.updated_at),
    ...(options.showsLocations ? { locations: image.locations.map(locationView) } : {}),
    ...(stores.length > 0 ? { stores: stores.join(',') } : {}),
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
    schema: '/v2/schemas/image',
  };
}

export const taskView = (task: ImageTask) => ({
  id: task.id,
  type: task.type,
  status: task.status,
  owner: task.owner,
  image_id: task.image_id,
  request_id: task.request_id,
  user_id: task.user_id,
  input: task.input,
  result: task.result,
  message: task.message,
  created_at: timeView(task.created_at),
  updated_at: timeView(task.updated_at),
  ...(task.expires_at === null ? {} : { expires_at: timeView(task.expires_at) }),
  self: `/v2/tasks/${task.id}`,
  schema: '/v2/schemas/task',
});
