import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { JsonObject } from '../core/base/json.ts';
import type { FlowContext, FlowDefinition, StepOutcome } from '../core/flow/flow-definition.ts';
import { convertDisk, isDiskFormat, type DiskFormat } from '../images/convert-disk.ts';
import {
  digestFile,
  keep,
  keepCopy,
  openImage,
  receive,
  requireTrue,
  stagingFile,
  type ImageData,
  type Received,
} from '../images/image-data-service.ts';
import { ImageError } from '../images/image-error.ts';
import { failImport, finishImport, IMPORT_FLOW } from '../images/image-import-service.ts';
import { isMember } from '../images/image-member-service.ts';
import { lockImage, readImage, type ImageRecord } from '../images/image-record.ts';
import { storeOf, type ImageStore } from '../images/image-store.ts';

/*
 * The bytes of an image, from elsewhere (api-ref "Interoperable image import"):
 * 1. take_in  reads them (staged, from a web address, from another image), digests and looks at them, and puts them into the stores;
 *             for a copy: from the store that has them into the others. A process that dies starts reading anew: nothing is half there.
 */
export interface ImageFlowServices {
  readonly data: ImageData;
  /** Images of other regions are not ours to read. */
  readonly region: string;
  /** What disks become when they are imported; undefined: they stay as they come (Glance's plugin `image_conversion`). */
  readonly convertTo: DiskFormat | undefined;
}

type ImportInput = {
  readonly task: string;
  readonly stores: string[];
  readonly mustAllSucceed: boolean;
  readonly project: string | null;
  readonly method: { readonly name: string; readonly uri?: string; readonly glance_image_id?: string; readonly glance_region?: string };
};

/** A large image over a slow line. */
const IMPORT_MS_MAX = 12 * 3600_000;
/** What of another image comes along; its other properties are its owner's business (Glance's default list). */
const COPIED_PROPERTIES = /^(hw_|trait:|os_distro$|os_secure_boot$|os_type$)/;

const inputOf = (ctx: { readonly input: JsonObject }) => ctx.input as unknown as ImportInput;

export const imageImportFlow = (services: ImageFlowServices): FlowDefinition => ({
  kind: IMPORT_FLOW,
  version: 1,
  steps: [
    {
      name: 'take_in',
      deadlineMs: IMPORT_MS_MAX,
      attempts: { max: 1, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the bytes of the image to arrive', next: 'the image is active' }),
      run: (ctx) => takeIn(services, ctx),
    },
  ],
  onSucceeded: (trx, flow) => finishImport(trx, flow.subjectId, inputOf(flow).task, (flow.state['failed'] as string[] | undefined) ?? []),
  onFailed: (trx, flow, error) => failImport(trx, flow.subjectId, inputOf(flow).task, inputOf(flow).stores, error.message),
  onCancelled: (trx, flow, reason) => failImport(trx, flow.subjectId, inputOf(flow).task, inputOf(flow).stores, reason),
});

async function takeIn(services: ImageFlowServices, ctx: FlowContext): Promise<StepOutcome> {
  const input = inputOf(ctx);
  try {
    if (input.method.name === 'copy-image') return await copyToStores(services.data, ctx);
    const image = await readImage(services.data.db, ctx.subjectId);
    const file = await stagingFile(services.data, `${image.id}.${input.method.name === 'glance-direct' ? 'staged' : 'import'}`);
    const received = await bytesOf(services, ctx, image, file);
    requireTrue(received, image);
    const stores = storesAsked(services.data, input.stores);
    // A download may have told the format only now.
    const { disk_format: from } = await readImage(services.data.db, ctx.subjectId);
    const { convertTo: to } = services;
    let kept = { received, diskFormat: from };
    if (to !== undefined && to !== from && isDiskFormat(from) && image.container_format === 'bare') {
      const output = await stagingFile(services.data, `${image.id}.converted`);
      await convertDisk({ file: received.file, from, output, to, signal: ctx.signal });
      kept = { received: await digestFile(output), diskFormat: to };
    }
    const failed = await keep(services.data, image, kept.received, { stores, diskFormat: kept.diskFormat, mayFail: !input.mustAllSucceed });
    await rm(file, { force: true });
    return { kind: 'done', patch: { failed } };
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'fail', code: 'import-failed', message, advice: 'Mend what the message names, then import again: the image is queued.' };
  } finally {
    for (const kind of ['import', 'converted']) await rm(await stagingFile(services.data, `${ctx.subjectId}.${kind}`), { force: true });
  }
}

const storesAsked = ({ stores }: ImageData, ids: readonly string[]): ImageStore[] =>
  ids.flatMap((id) => {
    const store = storeOf(stores, id);
    return store === undefined ? [] : [store];
  });

async function bytesOf(services: ImageFlowServices, ctx: FlowContext, image: ImageRecord, file: string): Promise<Received> {
  const { method } = inputOf(ctx);
  if (method.name === 'glance-direct') {
    // Digested where they are; the copy beside them becomes the store's.
    const copy = await stagingFile(services.data, `${image.id}.import`);
    return receive(createReadStream(file, { highWaterMark: 2 ** 20 }), copy);
  }
  if (method.name === 'web-download') return receive((await services.data.web.open(method.uri ?? '', ctx.signal)).body, file);
  return receive(await fromImage(services, ctx, image), file);
}

async function fromImage({ data, region }: ImageFlowServices, ctx: FlowContext, image: ImageRecord): Promise<Readable> {
  const { method, project } = inputOf(ctx);
  if ((method.glance_region ?? region) !== region)
    throw new ImageError(400, `The region ${method.glance_region} is not known here; ours is ${region}.`);
  const source = await readImage(data.db, method.glance_image_id ?? '');
  const isVisible =
    source.owner === project || ['public', 'community'].includes(source.visibility) || (await isMember(data.db, source.id, project));
  if (!isVisible) throw new ImageError(404, `Failed to find image ${source.id}`);
  const stream = await openImage(data, source);
  if (stream === undefined) throw new ImageError(400, `The image ${source.id} has no bytes here.`);
  const copied = Object.fromEntries(Object.entries(source.properties).filter(([name]) => COPIED_PROPERTIES.test(name)));
  await data.db.transaction().execute(async (trx) => {
    const now = await lockImage(trx, image.id);
    await trx
      .updateTable('image')
      .set({
        disk_format: source.disk_format,
        container_format: source.container_format,
        properties: JSON.stringify({ ...now.properties, ...copied }),
      })
      .where('id', '=', image.id)
      .execute();
  });
  return stream;
}

/** A store that fails does not spoil the others, unless all have to succeed. */
async function copyToStores(data: ImageData, ctx: FlowContext): Promise<StepOutcome> {
  const { stores, mustAllSucceed } = inputOf(ctx);
  const failed: string[] = [];
  for (const store of storesAsked(data, stores)) {
    const image = await readImage(data.db, ctx.subjectId);
    await copyTo(data, image, store).catch((error: unknown) => {
      if (ctx.signal.aborted || mustAllSucceed) throw error;
      failed.push(store.id);
    });
  }
  return { kind: 'done', patch: { failed } };
}

async function copyTo(data: ImageData, image: ImageRecord, store: ImageStore): Promise<void> {
  const stream = await openImage(data, image);
  if (stream === undefined) throw new ImageError(400, `The image ${image.id} has no bytes here.`);
  const file = await stagingFile(data, `${image.id}.copy`);
  try {
    const received = await receive(stream, file);
    if (received.sha512 !== image.os_hash_value)
      throw new ImageError(400, `The bytes of image ${image.id} are damaged: their digest is not the image's.`);
    await keepCopy(data, image, received, store);
  } finally {
    await rm(file, { force: true });
  }
}
