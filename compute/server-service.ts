import { sql } from 'kysely';
import { conflict, forbidden, notImplemented } from './compute-error.ts';
import { projectQuotas } from './compute-quota-service.ts';
import type { Trx } from './placement-provider-service.ts';
import { dropEvents } from './server-action-service.ts';
import { METAL_LACKS, verbRow, whyNotNow, type ServerState, type ServerVerb } from './server-machine.ts';
import type { ServerFault, ServerNetwork, ServerRecord } from './server-record.ts';
import { lockServer } from './server-store.ts';

/** The only writer of servers' states and tasks. Flows report through it in the transaction of their own step. */
export const serverLock = (uuid: string): string => `server:${uuid}`;

/** What is known of a server before it has a machine. */
export type ServerDraft = Omit<
  ServerRecord,
  | 'seq'
  | 'image_id'
  | 'zone'
  | 'host'
  | 'node_uuid'
  | 'node_name'
  | 'node_state'
  | 'power'
  | 'vm_state'
  | 'networks'
  | 'state'
  | 'task'
  | 'fault'
  | 'locked_by'
  | 'locked_reason'
  | `${string}_at`
> & { readonly image_id: string };

export async function insertServer(trx: Trx, draft: ServerDraft): Promise<void> {
  const { flavor, image_properties, files, metadata, tags, hints, ...plain } = draft;
  const json = { flavor, image_properties, files, metadata, tags, hints };
  await trx
    .insertInto('server')
    .values({
      ...plain,
      ...(Object.fromEntries(Object.entries(json).map(([name, value]) => [name, JSON.stringify(value)])) as Record<
        keyof typeof json,
        string
      >),
      state: 'building',
      task: 'scheduling',
    })
    .execute();
}

type Columns = Partial<Record<keyof ServerRecord, unknown>>;

/** `task` and states are written by the verbs below. */
async function write(trx: Trx, uuid: string, columns: Columns): Promise<void> {
  await trx
    .updateTable('server')
    .set({ ...(columns as object), updated_at: sql`now()` } as never)
    .where('uuid', '=', uuid)
    .execute();
}

export interface Place {
  readonly nodeUuid: string;
  readonly host: string;
  readonly zone: string;
}

/** It has a machine, and is being put there. */
export const placeServer = (trx: Trx, uuid: string, { nodeUuid, host, zone }: Place) =>
  write(trx, uuid, {
    node_uuid: nodeUuid,
    host,
    zone,
    task: sql`case when task = 'deleting' then task else 'spawning' end`,
    state: 'building',
  });

/** The machine is another's again. */
export const unplaceServer = (trx: Trx, uuid: string) => write(trx, uuid, { node_uuid: null, host: null, zone: null });

export const setNetworks = (trx: Trx, uuid: string, networks: readonly ServerNetwork[]) =>
  write(trx, uuid, { networks: JSON.stringify(networks) });

export const faultOf = (message: string, details = '', code = 500): ServerFault => ({
  code,
  message,
  details,
  created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
});

/** Nothing is done with it any more, but for its deletion, which whatever ends meanwhile leaves alone. */
const AT_REST = sql`case when task = 'deleting' then task end`;

export const failServer = (trx: Trx, uuid: string, fault: ServerFault) =>
  write(trx, uuid, { state: 'error', task: AT_REST, fault: JSON.stringify(fault) });

/** The deletion itself came to nothing. */
export const abandonDelete = (trx: Trx, uuid: string, fault: ServerFault) =>
  write(trx, uuid, { state: 'error', task: null, fault: JSON.stringify(fault) });

/** Where the server comes to rest; a server that runs has no fault. */
export const restServer = (trx: Trx, uuid: string, state: ServerState, more: { launched?: true } = {}) =>
  write(trx, uuid, { state, task: AT_REST, fault: null, ...(more.launched ? { launched_at: sql`now()` } : {}) });

/** It is where it was; why the work ended badly is told. */
export const returnServer = (trx: Trx, uuid: string, fault: ServerFault) =>
  write(trx, uuid, { task: AT_REST, fault: JSON.stringify(fault) });

export const forgetServer = async (trx: Trx, uuid: string): Promise<void> => {
  await dropEvents(trx, uuid);
  await write(trx, uuid, {
    state: 'deleted',
    task: null,
    deleted_at: sql`now()`,
    terminated_at: sql`now()`,
    user_data: null,
    admin_password: null,
    files: '[]',
    networks: '[]',
    group_uuid: null,
  });
};

export interface Rights {
  /** May do things with a locked server. */
  readonly ignoresLock: boolean;
}

/** @throws ComputeError 409 locked, in the wrong state, or at work; 501 what its kind can not do */
export async function beginVerb(trx: Trx, uuid: string, verb: ServerVerb, rights: Rights): Promise<ServerRecord> {
  const server = await lockServer(trx, uuid);
  requireUnlocked(server, rights);
  const why = whyNotNow(verb, uuid, { state: server.vm_state, task: server.task });
  if (why !== undefined) throw conflict(why);
  requireAble(server, verb);
  const { task } = verbRow(verb);
  if (task !== undefined) await write(trx, uuid, { task, state: server.vm_state });
  return server;
}

/** @throws ComputeError 501 */
function requireAble({ uuid }: ServerRecord, verb: ServerVerb): void {
  const lack = METAL_LACKS[verb];
  if (lack !== undefined) throw notImplemented(`Instance ${uuid} is a machine of metal, for which '${verb}' is not possible: ${lack}.`);
}

export function requireUnlocked({ uuid, locked_by }: ServerRecord, { ignoresLock }: Rights): void {
  if (locked_by !== null && !ignoresLock) throw conflict(`Instance ${uuid} is locked`);
}

/** Undefined: it is being deleted already. @throws ComputeError 409 locked */
export async function beginDelete(trx: Trx, uuid: string, rights: Rights): Promise<ServerRecord | undefined> {
  const server = await lockServer(trx, uuid);
  requireUnlocked(server, rights);
  if (server.task === 'deleting') return undefined;
  await write(trx, uuid, { task: 'deleting' });
  return server;
}

export const lockUp = (trx: Trx, uuid: string, by: 'owner' | 'admin', reason: string | null) =>
  write(trx, uuid, { locked_by: by, locked_reason: reason });
export const unlock = (trx: Trx, uuid: string) => write(trx, uuid, { locked_by: null, locked_reason: null });

/** An administrator says what it is. */
export const resetState = (trx: Trx, uuid: string, state: 'active' | 'error') => write(trx, uuid, { state, task: AT_REST });

export interface ServerChange {
  readonly name?: string;
  readonly hostname?: string;
  readonly description?: string | null;
  readonly access_ip_v4?: string;
  readonly access_ip_v6?: string;
  readonly disk_config?: string;
  readonly image_id?: string;
  readonly image_properties?: string;
  readonly key_name?: string | null;
  readonly public_key?: string | null;
  readonly user_data?: string | null;
  readonly admin_password?: string | null;
  readonly files?: string;
}
export const changeServer = (trx: Trx, uuid: string, change: ServerChange) => write(trx, uuid, change as Columns);

/** `change` sees what is there. @throws ComputeError 403 over quota */
export async function changeMetadata(
  trx: Trx,
  uuid: string,
  change: (metadata: Readonly<Record<string, string>>) => Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const server = await lockServer(trx, uuid);
  const metadata = change(server.metadata);
  await requireMetadataFits(trx, server.project_id, metadata);
  await write(trx, uuid, { metadata: JSON.stringify(metadata) });
  return metadata;
}

export async function requireMetadataFits(trx: Trx, projectId: string, metadata: Readonly<Record<string, string>>): Promise<void> {
  const { metadata_items: most } = await projectQuotas(trx, projectId);
  if (most >= 0 && Object.keys(metadata).length > most) throw forbidden(`Maximum number of metadata items exceeds ${most}`);
}

export async function changeTags(
  trx: Trx,
  uuid: string,
  change: (tags: readonly string[]) => readonly string[],
): Promise<readonly string[]> {
  const tags = change((await lockServer(trx, uuid)).tags);
  await write(trx, uuid, { tags: JSON.stringify(tags) });
  return tags;
}
