import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import { cancelFlow, startFlow } from '../core/flow/flow-service.ts';
import { ImageError } from './image-error.ts';
import { nextStatus } from './image-machine.ts';
import { lockImage, storesOf, type Db, type ImageRecord, type ImageTask, type Trx } from './image-record.ts';
import type { ImageStores } from './image-store.ts';

/*
 * Imports: bytes that come from a staging area, a web address, another image or another store. The request is one transaction (task, state, flow);
 * the flow does the work (flows/image-import-flow.ts) and ends here, in `finishImport` or `failImport`.
 */
export const IMPORT_METHODS = ['glance-direct', 'web-download', 'copy-image', 'glance-download'] as const;
export type ImportMethod = (typeof IMPORT_METHODS)[number];
export const IMPORT_FLOW = 'image.import';

export interface ImportRequest {
  readonly method: {
    readonly name: ImportMethod;
    readonly uri?: string;
    readonly glance_image_id?: string;
    readonly glance_region?: string;
  };
  readonly stores: readonly string[];
  readonly mustAllSucceed: boolean;
}

export interface Requester {
  readonly projectId: string | null;
  readonly userId: string;
  readonly requestId: string;
}

const IMPORTING = 'os_glance_importing_to_stores';
const FAILED = 'os_glance_failed_import';

/** @throws ImageError 400, 404, 409 */
export async function startImport(db: Db, id: string, request: ImportRequest, by: Requester): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const image = await lockImage(trx, id);
    const { name } = request.method;
    const stores = name === 'copy-image' ? requestCopy(image, request) : request.stores;
    const status = statusFor(image, name);
    const properties = { ...image.properties, [IMPORTING]: stores.join(','), [FAILED]: '' };
    await trx
      .updateTable('image')
      .set({ status, properties: JSON.stringify(properties), updated_at: sql`now()` })
      .where('id', '=', id)
      .execute();
    const task = randomUUID();
    await trx
      .insertInto('image_task')
      .values({
        id: task,
        image_id: id,
        type: 'api_image_import',
        status: 'processing',
        owner: by.projectId,
        user_id: by.userId,
        request_id: by.requestId,
        input: JSON.stringify({ image_id: id, import_req: { method: request.method, stores }, backend: stores }),
      })
      .execute();
    const flowInput: JsonObject = {
      task,
      stores: [...stores],
      method: request.method as JsonObject,
      mustAllSucceed: request.mustAllSucceed,
      project: by.projectId,
    };
    await startFlow(trx, { kind: IMPORT_FLOW, subjectId: id, lockKey: `image:${id}`, input: flowInput });
  });
}

function statusFor(image: ImageRecord, method: ImportMethod): string {
  if (method === 'copy-image') {
    if (image.status !== 'active') throw new ImageError(409, 'Only images with status active can be targeted for copying');
    return image.status;
  }
  const wanted = method === 'glance-direct' ? 'uploading' : 'queued';
  if (image.status !== wanted)
    throw new ImageError(
      409,
      `Image needs to be ${method === 'glance-direct' ? 'staged before' : 'in status queued to use'} '${method}' method can be used`,
    );
  if (image.disk_format === null || image.container_format === null)
    throw new ImageError(400, `'${image.container_format === null ? 'container_format' : 'disk_format'}' needs to be set before import`);
  return nextStatus(image.status, 'import');
}

/** Stores that have it already are left out; a store that was named must not have it. */
function requestCopy(image: ImageRecord, { stores, mustAllSucceed }: ImportRequest): string[] {
  const there = storesOf(image);
  const again = stores.filter((store) => there.includes(store));
  if (again.length > 0 && mustAllSucceed && stores.length === again.length) return [];
  return stores.filter((store) => !there.includes(store));
}

/** In the transaction that deletes the image: nobody wants its bytes any more. */
export async function cancelImport(trx: Trx, id: string): Promise<void> {
  const flows = await trx
    .selectFrom('flow')
    .select('id')
    .where('kind', '=', IMPORT_FLOW)
    .where('subject_id', '=', id)
    .where('status', '=', 'running')
    .execute();
  for (const flow of flows) await cancelFlow(trx, flow.id, 'the image was deleted');
}

/** In the transaction that ends the flow. */
export async function finishImport(trx: Trx, id: string, task: string, failedStores: readonly string[]): Promise<void> {
  await closeImport(trx, id, task, failedStores, 'success', '');
}

/** What was there before the request is there again, and the image says what failed. */
export async function failImport(trx: Trx, id: string, task: string, failedStores: readonly string[], message: string): Promise<void> {
  await closeImport(trx, id, task, failedStores, 'failure', message);
  await trx
    .updateTable('image')
    .set({ status: 'queued', size: null })
    .where('id', '=', id)
    .where('status', 'in', ['importing', 'uploading'])
    .execute();
}

async function closeImport(trx: Trx, id: string, task: string, failed: readonly string[], status: string, message: string): Promise<void> {
  await sql`update image set properties = properties || ${JSON.stringify({ [IMPORTING]: '', [FAILED]: failed.join(',') })}::jsonb, updated_at = now()
    where id = ${id}`.execute(trx);
  await trx
    .updateTable('image_task')
    .set({
      status,
      message,
      updated_at: sql`now()`,
      expires_at: sql<Date>`now() + interval '48 hours'`,
      ...(status === 'success' ? { result: JSON.stringify({ image_id: id }) } : {}),
    })
    .where('id', '=', task)
    .execute();
}

export async function listImageTasks(db: Db, imageId: string): Promise<ImageTask[]> {
  return db.selectFrom('image_task').selectAll().where('image_id', '=', imageId).orderBy('created_at').execute();
}

/** Undefined project: everybody's. */
export async function listTasks(
  db: Db,
  filter: { readonly owner: string | null | undefined; readonly type?: string; readonly status?: string },
): Promise<ImageTask[]> {
  let query = db.selectFrom('image_task').selectAll().orderBy('created_at', 'desc');
  if (filter.owner !== undefined) query = query.where('owner', '=', filter.owner);
  if (filter.type !== undefined) query = query.where('type', '=', filter.type);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  return query.limit(TASKS_MAX).execute();
}

/** A page; tasks expire after two days. */
const TASKS_MAX = 1000;

/** @throws ImageError 404 */
export async function getTask(db: Db, id: string): Promise<ImageTask> {
  const row = await db
    .selectFrom('image_task')
    .selectAll()
    .where(sql<boolean>`id::text = ${id}`)
    .executeTakeFirst();
  if (row === undefined) throw new ImageError(404, `Could not find task ${id}`);
  return row;
}

export function requestedStores(stores: ImageStores, asked: readonly string[] | undefined, all: boolean): string[] {
  if (all) return stores.all.map((store) => store.id);
  const wanted = asked ?? [stores.all[0].id];
  const unknown = wanted.filter((id) => !stores.all.some((store) => store.id === id));
  if (unknown.length > 0) throw new ImageError(409, `Store ${unknown.join(', ')} is not available`);
  return [...wanted];
}
