import { z } from 'zod';
import { volumeConnectorStore, volumeTargetStore, type VolumeConnector, type VolumeTarget } from '../../inventory/baremetal-stores.ts';
import type { Trx } from '../../inventory/node-record.ts';
import { requireIdle } from '../../inventory/node-service.ts';
import { ofNode } from '../../inventory/row-conditions.ts';
import { RequestRefused } from './baremetal-error.ts';
import { nodeTarget } from './baremetal-policy.ts';
import { ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { jsonOrNone, text, uuid } from './body-shapes.ts';
import { links, time, type FieldTable } from './field-table.ts';
import { PAGE_QUERY } from './listing.ts';
import { authorizeOfNode, conditionsOfNode } from './link-access.ts';
import { nodeFor, nodeNamed } from './node-access.ts';
import { listRecords, recordRoutes, type RecordNoun } from './record-routes.ts';

/** Volume connectors (who a node is to a storage network) and targets (what it boots from or mounts), since 1.32. */
type Volume = VolumeConnector | VolumeTarget;

/** A machine that runs has its volumes open. @throws 400 */
async function requirePowerOff(trx: Trx, nodeUuid: string, action: string): Promise<void> {
  const node = await requireIdle(trx, nodeUuid);
  if (node.power_state !== 'power off')
    throw new RequestRefused(
      400,
      `The requested action "${action}" can not be performed on node "${nodeUuid}" while it is in state "${node.power_state ?? 'None'}".`,
    );
}

async function nodeOfBody(call: Call, word: string): Promise<string> {
  const node = await nodeNamed(call, word);
  call.require('volume:create', nodeTarget(node));
  return node.uuid;
}

const made = { created_at: time<Volume>('created_at'), updated_at: time<Volume>('updated_at') };

const connectorFields: FieldTable<VolumeConnector> = { uuid: {}, ...made, node_uuid: {}, type: {}, connector_id: {}, extra: {} };
const connectorBody = { node_uuid: uuid, type: text(32), connector_id: text(), extra: jsonOrNone };

const connector: RecordNoun<VolumeConnector> = {
  url: 'volume/connectors',
  name: 'connectors',
  title: 'Volume connector',
  since: 32,
  rule: 'volume',
  table: connectorFields,
  shortForm: ['uuid', 'node_uuid', 'type', 'connector_id'],
  unsortable: ['extra'],
  store: volumeConnectorStore,
  hasNames: false,
  patchable: Object.keys(connectorBody),
  filters: ['node'],
  conditions: (call) => conditionsOfNode(call, 'volume', 'v'),
  authorize: (call, rule, row) => authorizeOfNode(call, rule, row, 'Volume connector'),
  fromCreate: async (call) => {
    const { uuid: given, ...values } = z.strictObject({ ...connectorBody, uuid: uuid.nullish() }).parse(call.body ?? {});
    return { ...values, node_uuid: await nodeOfBody(call, values.node_uuid), ...(given == null ? {} : { uuid: given }) };
  },
  fromPatch: async (call, document, row, { trx }) => {
    const values = z.object(connectorBody).parse(document);
    if (values.node_uuid !== row.node_uuid) await nodeNamed(call, values.node_uuid);
    await requirePowerOff(trx, row.node_uuid, 'volume connector update');
    return values;
  },
  beforeDelete: (trx, row) => requirePowerOff(trx, row.node_uuid, 'volume connector deletion'),
};

const targetFields: FieldTable<VolumeTarget> = {
  uuid: {},
  ...made,
  node_uuid: {},
  volume_type: {},
  volume_id: {},
  boot_index: {},
  properties: {
    of: (target, call) =>
      call.allows('volume:view_target_properties')
        ? target.properties
        : {
            redacted_contents:
              '** Value redacted: Requires permission baremetal:volume:view_target_properties access. Permission denied. **',
          },
  },
  extra: {},
};
const BOOT_INDEX_MAX = 2 ** 31 - 1;
const targetBody = {
  node_uuid: uuid,
  volume_type: text(64),
  volume_id: text(36),
  boot_index: z.number().int().min(0).max(BOOT_INDEX_MAX),
  properties: jsonOrNone,
  extra: jsonOrNone,
};

const target: RecordNoun<VolumeTarget> = {
  url: 'volume/targets',
  name: 'targets',
  title: 'Volume target',
  since: 32,
  rule: 'volume',
  table: targetFields,
  shortForm: ['uuid', 'node_uuid', 'volume_type', 'boot_index', 'volume_id'],
  unsortable: ['extra', 'properties'],
  store: volumeTargetStore,
  hasNames: false,
  patchable: Object.keys(targetBody),
  filters: ['node'],
  conditions: (call) => conditionsOfNode(call, 'volume', 'v'),
  authorize: (call, rule, row) => authorizeOfNode(call, rule, row, 'Volume target'),
  fromCreate: async (call) => {
    const { uuid: given, ...values } = z.strictObject({ ...targetBody, uuid: uuid.nullish() }).parse(call.body ?? {});
    return { ...values, node_uuid: await nodeOfBody(call, values.node_uuid), ...(given == null ? {} : { uuid: given }) };
  },
  fromPatch: async (call, document, row, { trx }) => {
    const values = z.object(targetBody).parse(document);
    if (values.node_uuid !== row.node_uuid) await nodeNamed(call, values.node_uuid);
    await requirePowerOff(trx, row.node_uuid, 'volume target update');
    return values;
  },
  beforeDelete: (trx, row) => requirePowerOff(trx, row.node_uuid, 'volume target deletion'),
};

async function showVolume(call: Call) {
  const word = call.params['node'];
  if (word === undefined) call.require('volume:list');
  else await nodeFor(call, word, 'volume:get');
  const path = word === undefined ? 'volume/' : `nodes/${word}/volume/`;
  return ok({
    links: links(call.base, path),
    connectors: links(call.base, `${path}connectors`),
    targets: links(call.base, `${path}targets`),
  });
}

const listOfNode = <Row extends Volume>(noun: RecordNoun<Row>): BaremetalRoute => ({
  method: 'GET',
  path: `/nodes/:node/${noun.url}`,
  since: 32,
  query: [...PAGE_QUERY, 'fields', 'detail'],
  async handle(call) {
    const node = await nodeFor(call, call.params['node']!);
    return listRecords(call, noun, false, [ofNode('v', node.uuid)]);
  },
});

export const volumeRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/volume', since: 32, handle: showVolume },
  { method: 'GET', path: '/nodes/:node/volume', since: 32, handle: showVolume },
  listOfNode(connector),
  listOfNode(target),
  ...recordRoutes(connector, 'no-detail'),
  ...recordRoutes(target, 'no-detail'),
];
