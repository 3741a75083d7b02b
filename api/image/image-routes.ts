import { randomUUID } from 'node:crypto';
import { deleteImage, removeLocation } from '../../images/image-data-service.ts';
import { ImageError } from '../../images/image-error.ts';
import { IMPORT_METHODS } from '../../images/image-import-service.ts';
import type { ImageRecord } from '../../images/image-record.ts';
import { lockImage } from '../../images/image-record.ts';
import { createImage, listImages, setActive, updateImage, type ImageChange } from '../../images/image-service.ts';
import { noContent, ok, Refusal, type Answer } from '../service-plugin.ts';
import { findImage, projectSeen, targetOf } from './image-access.ts';
import { isAttribute, requireFewProperties, requireImageId, requireTag, requireValid, requireWritable } from './image-attributes.ts';
import { dbOf, type ImageCall, type ImageRoute } from './image-context.ts';
import { limitsOf } from './image-limits.ts';
import { firstPage, nextPage, readFilter, readPage } from './image-list-query.ts';
import { applyPatch, readPatch, type PatchRights } from './image-patch.ts';
import { imageView } from './image-view.ts';
import { patchLocations } from './location-patch.ts';
import { changeProperties, propertiesSeen } from './property-access.ts';

/** Images' records over HTTP (api-ref "Images"). */
async function view(call: ImageCall, image: ImageRecord): Promise<Record<string, unknown>> {
  const seen = { ...image, properties: propertiesSeen(call, image.properties) };
  return imageView(seen, { showsLocations: call.allows('image:get_image_location', await targetOf(call, image)) });
}

const storeHeaders = (call: ImageCall) => ({
  'openstack-image-import-methods': IMPORT_METHODS.join(','),
  'openstack-image-store-ids': call.context.data.stores.all.map((store) => store.id).join(','),
});

async function create(call: ImageCall): Promise<Answer> {
  const { body } = call;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Refusal(400, 'Request body must be a JSON object.');
  const { id = randomUUID(), ...given } = body as Record<string, unknown>;
  requireImageId(id);
  for (const [name, value] of Object.entries(given)) {
    requireWritable(name);
    if (name === 'locations') throw new Refusal(403, "Attribute 'locations' is reserved: add them by PATCH.");
    requireValid(name, value);
  }
  const attributes = Object.fromEntries(Object.entries(given).filter(([name]) => isAttribute(name)));
  const properties = Object.fromEntries(Object.entries(given).filter(([name, value]) => !isAttribute(name) && value !== null));
  requireFewProperties(properties);
  const owner = (attributes['owner'] as string | null | undefined) ?? call.actor.projectId;
  const visibility = (attributes['visibility'] as string | undefined) ?? 'shared';
  const target = { project_id: owner ?? '', member_id: '', visibility };
  call.require('image:add_image', target);
  if (visibility === 'public') call.require('image:publicize_image', target);
  if (visibility === 'community') call.require('image:communitize_image', target);
  const tags = attributes['tags'] as string[] | undefined;
  const row = {
    ...attributes,
    ...(tags === undefined ? {} : { tags: [...new Set(tags)] }),
    id: id as string,
    owner,
    properties: JSON.stringify(changeProperties(call, {}, () => properties as Record<string, string>)),
  };
  const image = await createImage(dbOf(call), row, owner === null ? new Map() : await limitsOf(call, owner));
  return { status: 201, body: await view(call, image), headers: { location: `${call.base}/v2/images/${image.id}`, ...storeHeaders(call) } };
}

async function list(call: ImageCall): Promise<Answer> {
  call.require('image:get_images');
  const page = readPage(call.query);
  const filter = readFilter(call.query, projectSeen(call));
  // Whoever may not see a property does not learn by filters whose images have it.
  const isVain = Object.keys(propertiesSeen(call, filter.properties)).length < Object.keys(filter.properties).length;
  const images = isVain ? [] : await listImages(dbOf(call), filter, page);
  const last = images.at(-1);
  return ok({
    images: await Promise.all(images.map((image) => view(call, image))),
    first: firstPage('/v2/images', call.query),
    ...(last !== undefined && images.length === page.limit ? { next: nextPage('/v2/images', call.query, last.id) } : {}),
    schema: '/v2/schemas/images',
  });
}

async function patch(call: ImageCall): Promise<Answer> {
  const operations = readPatch(call.headers['content-type'], call.body);
  const image = await findImage(call, 'image:modify_image');
  const target = await targetOf(call, image);
  const rights: PatchRights = {
    mayPublish: () => call.require('image:publicize_image', target),
    mayCommunitize: () => call.require('image:communitize_image', target),
    mayChangeOwner: () => {
      if (!call.allows('image:change_owner', target)) throw new Refusal(403, "Owner can't be updated by non admin.");
    },
  };
  const changed = await updateImage(dbOf(call), image.id, async (_image, trx) => {
    for (const operation of operations.filter(({ path }) => path[0] === 'locations')) {
      call.require(operation.op === 'remove' ? 'image:delete_image_location' : 'image:set_image_location', target);
      await patchLocations(trx, await lockImage(trx, image.id), operation);
    }
    const others = operations.filter(({ path }) => path[0] !== 'locations');
    const now = await lockImage(trx, image.id);
    let changed: ImageChange = {};
    const properties = changeProperties(call, now.properties, (seen) => {
      changed = applyPatch({ ...now, properties: seen }, others, rights);
      return changed.properties ?? seen;
    });
    return { ...changed, properties };
  });
  return ok(await view(call, changed));
}

async function setTag(call: ImageCall, change: (tags: readonly string[], tag: string) => readonly string[]): Promise<Answer> {
  const image = await findImage(call, 'image:modify_image');
  const tag = call.params['tag']!;
  requireTag(tag);
  await updateImage(dbOf(call), image.id, async ({ tags }) => {
    const wanted = [...change(tags, tag)];
    requireValid('tags', wanted);
    return { tags: wanted };
  });
  return noContent;
}

const PATH = '/v2/images/:image_id';

export const imageRoutes: readonly ImageRoute[] = [
  { method: 'POST', path: '/v2/images', handle: create },
  {
    method: 'GET',
    path: '/v2/images',
    query: [
      'limit',
      'marker',
      'sort',
      'sort_key',
      'sort_dir',
      'visibility',
      'member_status',
      'name',
      'status',
      'owner',
      'tag',
      'size_min',
      'size_max',
      'os_hidden',
      'protected',
      'disk_format',
      'container_format',
      'created_at',
      'updated_at',
    ],
    handle: list,
  },
  {
    method: 'GET',
    path: PATH,
    async handle(call) {
      const image = await findImage(call, 'image:get_image');
      return ok(await view(call, image), image.status === 'queued' ? storeHeaders(call) : {});
    },
  },
  { method: 'PATCH', path: PATH, handle: patch },
  {
    method: 'DELETE',
    path: PATH,
    async handle(call) {
      const image = await findImage(call, 'image:delete_image');
      await deleteImage(call.context.data, image.id);
      return noContent;
    },
  },
  {
    method: 'DELETE',
    path: '/v2/stores/:store/:image_id',
    async handle(call) {
      const image = await findImage(call, 'image:delete_image_location');
      const store = call.params['store']!;
      if (!call.context.data.stores.all.some(({ id }) => id === store)) throw new ImageError(404, `Failed to find store ${store}.`);
      if (image.status !== 'active') throw new Refusal(409, `Image ${image.id} is not active: its copies can not be removed one by one.`);
      await removeLocation(call.context.data, image.id, ({ locations }) => locations.find((one) => one.store === store)?.id);
      return noContent;
    },
  },
  { method: 'PUT', path: `${PATH}/tags/:tag`, handle: (call) => setTag(call, (tags, tag) => [...new Set([...tags, tag])]) },
  {
    method: 'DELETE',
    path: `${PATH}/tags/:tag`,
    handle: (call) =>
      setTag(call, (tags, tag) => {
        if (!tags.includes(tag)) throw new Refusal(404, `Image ${call.params['image_id']} has no tag ${tag}.`);
        return tags.filter((one) => one !== tag);
      }),
  },
  ...(['deactivate', 'reactivate'] as const).map((verb): ImageRoute => ({
    method: 'POST',
    path: `${PATH}/actions/${verb}`,
    async handle(call) {
      const image = await findImage(call, `image:${verb}`);
      await setActive(dbOf(call), image.id, verb);
      return noContent;
    },
  })),
];
