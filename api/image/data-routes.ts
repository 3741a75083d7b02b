import { countHit } from '../../images/image-cache-service.ts';
import { openForClient, stageImage, uploadImage } from '../../images/image-data-service.ts';
import {
  IMPORT_METHODS,
  listImageTasks,
  requestedStores,
  startImport,
  type ImportMethod,
  type ImportRequest,
} from '../../images/image-import-service.ts';
import { isImageId, type ImageRecord } from '../../images/image-record.ts';
import { storeOf } from '../../images/image-store.ts';
import { FilePiece, noContent, ok, Refusal, type Answer } from '../service-plugin.ts';
import { findImage, targetOf } from './image-access.ts';
import { dbOf, type ImageCall, type ImageRoute } from './image-context.ts';
import { requireRoomFor } from './image-limits.ts';
import { taskView } from './image-view.ts';

/** Images' bytes over HTTP (api-ref "Image data", "Interoperable image import"). */
const PATH = '/v2/images/:image_id';

function requireBytes(call: ImageCall): void {
  const type = call.headers['content-type'] ?? '';
  if (!/^application\/octet-stream\s*(;|$)/i.test(type)) throw new Refusal(415, 'Unsupported Content-Type: use application/octet-stream');
}

function storeAsked(call: ImageCall) {
  const { stores } = call.context.data;
  const asked = call.headers['x-image-meta-store'];
  if (asked === undefined) return stores.all[0];
  const store = storeOf(stores, String(asked));
  if (store === undefined) throw new Refusal(400, `Store ${String(asked)} is not available.`);
  return store;
}

async function download(call: ImageCall): Promise<Answer> {
  const image = await findImage(call, 'image:download_image');
  const isAdmin = call.allows('image:change_owner', await targetOf(call, image));
  if (image.status === 'deactivated' && !isAdmin)
    throw new Refusal(403, 'The requested image has been deactivated. Image data download is forbidden.');
  const outside = image.locations.find(({ url }) => url !== null);
  if (image.locations.length === 0 || (image.size === 0 && outside === undefined)) return noContent;
  void countHit(dbOf(call), image.id).catch(() => undefined);
  if (outside?.url && image.locations.every(({ url }) => url !== null)) return passOn(call, outside.url, image);
  return sendBytes(call, image);
}

/** Somebody else keeps the bytes. */
async function passOn(call: ImageCall, url: string, image: ImageRecord): Promise<Answer> {
  const { body, sizeBytes } = await call.context.data.web.open(url).catch((error: unknown) => {
    throw new Refusal(502, `The place where the image's bytes are does not give them: ${(error as Error).message}`);
  });
  return { status: 200, body, headers: { ...typeOf(image), ...(sizeBytes === undefined ? {} : { 'content-length': String(sizeBytes) }) } };
}

const typeOf = ({ checksum }: ImageRecord) => ({
  'content-type': 'application/octet-stream',
  ...(checksum === null ? {} : { 'content-md5': checksum }),
});

async function sendBytes(call: ImageCall, image: ImageRecord): Promise<Answer> {
  const size = image.size ?? 0;
  const range = readRange(call.headers.range, size);
  const stored = await openForClient(call.context.data, image, range);
  if (stored === undefined) return noContent;
  const body = 'file' in stored ? new FilePiece(stored) : stored;
  if (range === undefined)
    return { status: 200, body, headers: { ...typeOf(image), 'content-length': String(size), 'accept-ranges': 'bytes' } };
  const { start, end } = range;
  return {
    status: 206,
    body,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(end - start + 1),
      'content-range': `bytes ${start}-${end}/${size}`,
    },
  };
}

/** RFC 9110, section 14: one range; several, or other units, are no range. @throws Refusal 416 */
export function readRange(header: string | undefined, size: number): { readonly start: number; readonly end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec((header ?? '').trim());
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [first, last] = [match[1], match[2]].map((text) => (text === '' ? undefined : Number(text)));
  const start = first ?? Math.max(0, size - (last ?? 0));
  const end = first === undefined ? size - 1 : Math.min(last ?? size - 1, size - 1);
  if (start > end || start >= size)
    throw new Refusal(
      416,
      `The byte range passed in the Range header did not match any available byte range in the image of ${size} bytes.`,
      { headers: { 'content-range': `bytes */${size}` } },
    );
  return { start, end };
}

/** @throws Refusal 400, 409 */
function readImport(call: ImageCall): ImportRequest {
  const body = call.body as
    | { method?: Record<string, unknown>; stores?: unknown; all_stores?: unknown; all_stores_must_succeed?: unknown }
    | null
    | undefined;
  if (typeof body !== 'object' || body === null || typeof body.method !== 'object' || body.method === null)
    throw new Refusal(400, "Missing 'method' object in the import request.");
  const { name, uri, glance_image_id: source, glance_region: region } = body.method;
  if (!(IMPORT_METHODS as readonly unknown[]).includes(name)) throw new Refusal(400, `Unknown import method name '${String(name)}'.`);
  if (name === 'web-download' && (typeof uri !== 'string' || !/^https?:\/\/[^\s/]+/.test(uri)))
    throw new Refusal(400, `Method web-download needs an http or https uri, not '${String(uri)}'`);
  if (name === 'glance-download') {
    if (region === undefined) throw new Refusal(400, "Import request requires a 'glance_region' field.");
    if (typeof source !== 'string' || !isImageId(source)) throw new Refusal(400, 'Import request image id does not look like a UUID.');
  }
  const all = body.all_stores === true;
  if (all && body.stores !== undefined) throw new Refusal(400, 'all_stores parameter can not be used with stores.');
  if (body.stores !== undefined && (!Array.isArray(body.stores) || !body.stores.every((one) => typeof one === 'string')))
    throw new Refusal(400, 'stores is a list of store ids.');
  const header = call.headers['x-image-meta-store'];
  const asked = (body.stores as string[] | undefined) ?? (header === undefined ? undefined : [String(header)]);
  return {
    method: {
      name: name as ImportMethod,
      ...(typeof uri === 'string' ? { uri } : {}),
      ...(typeof source === 'string' ? { glance_image_id: source } : {}),
      ...(region === undefined ? {} : { glance_region: String(region) }),
    },
    stores: requestedStores(call.context.data.stores, asked, all),
    mustAllSucceed: body.all_stores_must_succeed !== false,
  };
}

export const dataRoutes: readonly ImageRoute[] = [
  {
    method: 'PUT',
    path: `${PATH}/file`,
    body: 'stream',
    async handle(call) {
      requireBytes(call);
      const image = await findImage(call, 'image:upload_image');
      await requireRoomFor(call, image.owner, { image_size_total: 0, image_count_uploading: 1 });
      await uploadImage(call.context.data, image.id, call.stream, storeAsked(call));
      return noContent;
    },
  },
  { method: 'GET', path: `${PATH}/file`, handle: download },
  {
    method: 'PUT',
    path: `${PATH}/stage`,
    body: 'stream',
    async handle(call) {
      requireBytes(call);
      const image = await findImage(call, 'image:upload_image');
      await requireRoomFor(call, image.owner, { image_stage_total: 0, image_count_uploading: 1 });
      await stageImage(call.context.data, image.id, call.stream);
      return noContent;
    },
  },
  {
    method: 'POST',
    path: `${PATH}/import`,
    async handle(call) {
      const wanted = readImport(call);
      const image = await findImage(call, wanted.method.name === 'copy-image' ? 'image:copy_image' : 'image:modify_image');
      const isNew = wanted.method.name === 'web-download' || wanted.method.name === 'glance-download';
      await requireRoomFor(call, image.owner, { image_size_total: 0, ...(isNew ? { image_count_uploading: 1 } : {}) });
      await startImport(dbOf(call), image.id, wanted, {
        projectId: call.actor.projectId,
        userId: call.actor.userId,
        requestId: call.requestId,
      });
      return { status: 202 };
    },
  },
  {
    method: 'GET',
    path: `${PATH}/tasks`,
    async handle(call) {
      const image = await findImage(call, 'image:get_image');
      return ok({ tasks: (await listImageTasks(dbOf(call), image.id)).map(taskView) });
    },
  },
];
