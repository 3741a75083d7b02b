import { deleteImage } from '../../images/image-data-service.ts';
import type { ImageRecord } from '../../images/image-record.ts';
import { listImages, updateImage, type ImageFilter } from '../../images/image-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { noContent, ok, Refusal, type Answer } from '../service-plugin.ts';
import { findImage, projectSeen } from '../image/image-access.ts';
import { changeProperties, propertiesSeen } from '../image/property-access.ts';
import type { ImageCall } from '../image/image-context.ts';
import { METADATA, readBody, wrapped } from './compute-body.ts';
import { type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { nextLink, readPage, selfLinks, time } from './compute-page.ts';
import { PROXIES_UNTIL, until } from './proxy.ts';
import { readTime } from './server-query.ts';

/** Images as compute showed them until the Image API was everywhere; metadata until 2.38. */
const METADATA_UNTIL = 38;
const STATUS: Readonly<Record<string, string>> = {
  queued: 'SAVING',
  saving: 'SAVING',
  uploading: 'SAVING',
  importing: 'SAVING',
  active: 'ACTIVE',
  deactivated: 'ACTIVE',
  killed: 'ERROR',
  deleted: 'DELETED',
  pending_delete: 'DELETED',
};

/** The same call, to the rules of images. */
const asImageCall = (call: ComputeCall): ImageCall =>
  Object.create(call, { context: { value: { data: call.context.images } } }) as unknown as ImageCall;

const find = (call: ComputeCall, rule = 'image:get_image') => findImage(asImageCall(call), rule, call.params['image_id']!);

const linksOf = (call: ComputeCall, id: string) => [
  ...selfLinks(call, `images/${id}`),
  { rel: 'alternate', type: 'application/vnd.openstack.image', href: `${call.base.replace(/\/compute$/, '')}/image/v2/images/${id}` },
];

const briefView = (call: ComputeCall, { id, name }: ImageRecord) => ({ id, name, links: linksOf(call, id) });

const detailView = (call: ComputeCall, image: ImageRecord) => ({
  ...briefView(call, image),
  status: STATUS[image.status] ?? 'UNKNOWN',
  progress: image.status === 'active' ? 100 : 0,
  created: time(image.created_at),
  updated: time(image.updated_at),
  minDisk: image.min_disk,
  minRam: image.min_ram,
  metadata: propertiesSeen(asImageCall(call), image.properties),
  'OS-EXT-IMG-SIZE:size': image.size === null ? null : Number(image.size),
});

const QUERY = ['name', 'status', 'changes-since', 'server', 'type', 'minRam', 'minDisk', 'limit', 'marker'];

async function list(call: ComputeCall, view: (call: ComputeCall, image: ImageRecord) => { readonly id: string }): Promise<Answer> {
  call.require('image:get_images');
  const page = readPage(call);
  const text = (name: string) => call.query.get(name) ?? undefined;
  const since = readTime('changes-since', text('changes-since'));
  const status = text('status')?.toUpperCase();
  const statuses = Object.entries(STATUS).flatMap(([own, shown]) => (shown === status ? [own] : []));
  const properties = {
    ...(text('type') === undefined ? {} : { image_type: text('type')! }),
    ...(text('server') === undefined ? {} : { instance_uuid: text('server')!.split('/').at(-1)! }),
    ...Object.fromEntries(
      [...call.query].flatMap(([name, value]) => (name.startsWith('property-') ? [[name.slice('property-'.length), value]] : [])),
    ),
  };
  const filter: ImageFilter = {
    projectId: projectSeen(asImageCall(call)),
    visibility: undefined,
    memberStatus: 'accepted',
    isHidden: false,
    tags: [],
    equal: {
      ...(text('name') === undefined ? {} : { name: [text('name')!] }),
      ...(status === undefined ? {} : { status: statuses }),
      ...(text('minRam') === undefined ? {} : { min_ram: [text('minRam')!] }),
      ...(text('minDisk') === undefined ? {} : { min_disk: [text('minDisk')!] }),
    },
    sizeMin: undefined,
    sizeMax: undefined,
    times: since === undefined ? [] : [{ column: 'updated_at', operator: '>=', at: since }],
    properties,
  };
  const sort = [{ column: 'created_at', descending: true }] as const;
  const isVain = Object.keys(propertiesSeen(asImageCall(call), properties)).length < Object.keys(properties).length;
  const found = page.limit === 0 || isVain ? [] : await listImages(call.context.images.db, filter, { sort, ...page });
  const shown = found.map((image) => view(call, image));
  return ok({ images: shown, ...nextLink(call, 'images', page, shown) });
}

type Metadata = Readonly<Record<string, string>>;

async function writeMetadata(call: ComputeCall, change: (before: Metadata) => Metadata): Promise<Metadata> {
  const image = await find(call, 'image:modify_image');
  const changed = await updateImage(call.context.images.db, image.id, async ({ properties }) => ({
    properties: changeProperties(asImageCall(call), properties, change),
  }));
  return propertiesSeen(asImageCall(call), changed.properties);
}

const metadataBody = (call: ComputeCall) => readBody<{ metadata: Metadata }>(call, wrapped('metadata', METADATA)).metadata;
const META: JsonSchema = { ...METADATA, minProperties: 1 };
const noKey = () => new Refusal(404, 'Metadata item was not found');

async function putMeta(call: ComputeCall): Promise<Answer> {
  const { meta } = readBody<{ meta: Metadata }>(call, wrapped('meta', META));
  const key = call.params['key']!;
  if (Object.keys(meta).length > 1) throw new Refusal(400, 'Request body contains too many items');
  if (!Object.hasOwn(meta, key)) throw new Refusal(400, 'Request body and URI mismatch');
  await writeMetadata(call, (before) => ({ ...before, ...meta }));
  return ok({ meta });
}

const PATH = '/v2.1/images';
const ONE = `${PATH}/:image_id`;

const imageRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: PATH, query: QUERY, handle: (call) => list(call, briefView) },
  { method: 'GET', path: `${PATH}/detail`, query: QUERY, handle: (call) => list(call, detailView) },
  { method: 'GET', path: ONE, handle: async (call) => ok({ image: detailView(call, await find(call)) }) },
  {
    method: 'DELETE',
    path: ONE,
    async handle(call) {
      await deleteImage(call.context.images, (await find(call, 'image:delete_image')).id);
      return noContent;
    },
  },
];

const metadataRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: `${ONE}/metadata`,
    handle: async (call) => ok({ metadata: propertiesSeen(asImageCall(call), (await find(call)).properties) }),
  },
  {
    method: 'POST',
    path: `${ONE}/metadata`,
    async handle(call) {
      const given = metadataBody(call);
      return ok({ metadata: await writeMetadata(call, (before) => ({ ...before, ...given })) });
    },
  },
  {
    method: 'PUT',
    path: `${ONE}/metadata`,
    async handle(call) {
      const given = metadataBody(call);
      return ok({ metadata: await writeMetadata(call, () => given) });
    },
  },
  {
    method: 'GET',
    path: `${ONE}/metadata/:key`,
    async handle(call) {
      const properties = propertiesSeen(asImageCall(call), (await find(call)).properties);
      const key = call.params['key']!;
      if (!Object.hasOwn(properties, key)) throw noKey();
      return ok({ meta: { [key]: properties[key] } });
    },
  },
  { method: 'PUT', path: `${ONE}/metadata/:key`, handle: putMeta },
  {
    method: 'DELETE',
    path: `${ONE}/metadata/:key`,
    async handle(call) {
      const key = call.params['key']!;
      await writeMetadata(call, (before) => {
        if (!Object.hasOwn(before, key)) throw noKey();
        return Object.fromEntries(Object.entries(before).filter(([name]) => name !== key));
      });
      return noContent;
    },
  },
];

export const imageProxyRoutes: readonly ComputeRoute[] = [
  ...imageRoutes.map((route) => until(PROXIES_UNTIL, route)),
  ...metadataRoutes.map((route) => until(METADATA_UNTIL, route)),
];
