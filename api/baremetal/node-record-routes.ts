import { countShards, findBiosSetting, listBiosSettings, listFirmware, type BiosSetting } from '../../inventory/bios-setting-store.ts';
import { findHistory, listHistory, type HistoryEntry } from '../../inventory/node-history-store.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import { ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { isoTime, links, requireFields, show, time, type FieldTable, type Shown } from './field-table.ts';
import { pageOf } from './listing.ts';
import { nodeFor } from './node-access.ts';
import { canonicalUuid, isUuidLike, toBoolean, toList } from './query-values.ts';

/** What is on record of a node: BIOS settings, firmware, history; and the shards of all nodes. */
const BIOS_SHORT = ['name', 'value'];
const biosFields: FieldTable<BiosSetting> = {
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  name: {},
  value: {},
  attribute_type: { since: 74 },
  allowable_values: { since: 74 },
  lower_bound: { since: 74 },
  upper_bound: { since: 74 },
  min_length: { since: 74 },
  max_length: { since: 74 },
  read_only: { since: 74 },
  reset_required: { since: 74 },
  unique: { since: 74, of: (setting) => setting.is_unique },
};
const made = ['created_at', 'updated_at'];

function biosChoice(call: Call): readonly string[] {
  const fields = toList(call.query['fields']);
  const detail = toBoolean('detail', call.query['detail']);
  if (call.minor < 74 && (fields ?? detail) !== undefined) throw new RequestRefused(400, 'Invalid query parameter received.');
  if (fields !== undefined && detail === true)
    throw new RequestRefused(400, 'Can not specify ?detail=True and fields in the same request.');
  if (fields !== undefined) requireFields(call, biosFields, fields);
  return [...made, ...(fields ?? (detail === true ? Object.keys(biosFields) : BIOS_SHORT))];
}

async function listBios(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:bios:get');
  const only = biosChoice(call);
  const rows = await listBiosSettings(call.context.database.db, node.uuid);
  return ok({ bios: rows.map((row) => show(biosFields, row, call, `nodes/${call.params['node']!}/bios/${row.name}`, only)) });
}

async function showBios(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:bios:get');
  const name = call.params['setting']!;
  const row = await findBiosSetting(call.context.database.db, node.uuid, name);
  if (row === undefined) throw new InventoryError(404, `Node ${node.uuid} doesn't have a BIOS setting '${name}'`);
  const only = call.minor >= 74 ? Object.keys(biosFields) : [...made, ...BIOS_SHORT];
  return ok({ [name]: show(biosFields, row, call, `nodes/${node.uuid}/bios/${name}`, only) });
}

async function showFirmware(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:firmware:get');
  const rows = await listFirmware(call.context.database.db, node.uuid);
  return ok({
    firmware: rows.map(({ node_uuid: _node, created_at: createdAt, updated_at: updatedAt, ...rest }) => ({
      ...rest,
      created_at: isoTime(createdAt),
      updated_at: isoTime(updatedAt),
    })),
  });
}

/** Ironic cuts an event's text short in lists. */
const EVENT_SHORT = 255;

function showEntry(call: Call, nodeUuid: string, entry: HistoryEntry, isDetail: boolean): Shown {
  const short = entry.event.length > EVENT_SHORT ? `${entry.event.slice(0, EVENT_SHORT - 4)}...` : entry.event;
  return {
    uuid: entry.uuid,
    created_at: isoTime(entry.created_at),
    severity: entry.severity,
    event: isDetail ? entry.event : short,
    ...(isDetail ? { event_type: entry.event_type, conductor: entry.conductor, user: entry.user } : {}),
    links: links(call.base, `nodes/${nodeUuid}/history/${entry.uuid}`).slice(0, 1),
  };
}

async function history(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:history:get');
  const isDetail = toBoolean('detail', call.query['detail']) === true;
  const page = pageOf(call, {}, []);
  const rows = await listHistory(call.context.database.db, node.uuid, page);
  const next =
    rows.length === page.limit
      ? { next: `${call.base}/v1/nodes/${call.params['node']!}/history?limit=${page.limit}&marker=${rows.at(-1)!.uuid}` }
      : {};
  return ok({ history: rows.map((row) => showEntry(call, node.uuid, row, isDetail)), ...next });
}

async function historyEntry(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:history:get');
  const word = call.params['event']!;
  const entry = isUuidLike(word) ? await findHistory(call.context.database.db, node.uuid, canonicalUuid(word)) : undefined;
  if (entry === undefined) throw new InventoryError(404, `Node history record ${word} could not be found.`);
  return ok(showEntry(call, node.uuid, entry, true));
}

export const nodeRecordRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/bios', since: 40, query: ['detail', 'fields'], handle: listBios },
  { method: 'GET', path: '/nodes/:node/bios/:setting', since: 40, handle: showBios },
  { method: 'GET', path: '/nodes/:node/firmware', since: 86, handle: showFirmware },
  { method: 'GET', path: '/nodes/:node/history', since: 78, query: ['detail', 'marker', 'limit'], handle: history },
  { method: 'GET', path: '/nodes/:node/history/:event', since: 78, handle: historyEntry },
  {
    method: 'GET',
    path: '/shards',
    since: 82,
    async handle(call) {
      call.require('shards:get');
      return ok({ shards: await countShards(call.context.database.db) });
    },
  },
];
