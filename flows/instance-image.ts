import type { JsonObject } from '../core/base/json.ts';
import type { ImageData } from '../images/image-data-service.ts';
import { ImageError } from '../images/image-error.ts';
import { isImageId, readImage } from '../images/image-record.ts';
import { renditionSource } from '../images/image-rendition-service.ts';

/*
 * `image_source` that is the id of an image of the Image API, in the terms of `image-plan-policy.ts`: its bytes are in a store, under
 * their SHA-512, and the boot server serves the directories of stores. `rendition`: the SHA-512 of bytes of which a disk has to be made first.
 */
export async function withStoredImage(
  { db, stores }: Pick<ImageData, 'db' | 'stores'>,
  info: JsonObject,
): Promise<{ readonly info: JsonObject; readonly rendition?: string } | { readonly problem: string }> {
  const source = info['image_source'];
  if (typeof source !== 'string' || !isImageId(source)) return { info };
  try {
    const image = await readImage(db, source);
    const sha512 = image.locations.find((location) => location.sha512 !== null)?.sha512;
    if (image.status !== 'active' || sha512 == null)
      return { problem: `Image ${source} is ${image.status}: it has no bytes that can be written.` };
    const rendition = renditionSource(image, stores);
    const stored = {
      ...info,
      image_source: `${sha512.slice(0, 2)}/${sha512}`,
      image_os_hash_algo: 'sha512',
      image_os_hash_value: sha512,
      image_disk_format: rendition === undefined ? (image.disk_format ?? 'raw') : 'raw',
      ...(image.virtual_size == null ? {} : { image_disk_size: Number(image.virtual_size) }),
    };
    return { info: stored, ...(rendition === undefined ? {} : { rendition }) };
  } catch (error) {
    if (error instanceof ImageError) return { problem: error.message };
    throw error;
  }
}
