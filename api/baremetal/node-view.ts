import { interfaceOf, INTERFACE_KINDS, type InterfaceKind } from '../../inventory/driver-table.ts';
import type { NodeDetail } from '../../inventory/node-detail-store.ts';
import { conductorName } from './api-context.ts';
import { nodeTarget } from './baremetal-policy.ts';
import type { Call } from './baremetal-route.ts';
import { MASK, maskArgs } from './secret-args.ts';
import { links, show, time, type Field, type FieldTable, type Shown } from './field-table.ts';

/** A node as each microversion shows it. */
const interfaceSince: Partial<Record<InterfaceKind, number>> = { network: 20, storage: 33, rescue: 38, bios: 40, firmware: 86 };
const interfaceFields = Object.fromEntries(
  INTERFACE_KINDS.map((kind): [string, Field<NodeDetail>] => [
    `${kind}_interface`,
    { since: interfaceSince[kind] ?? 31, of: (node) => interfaceOf(node, kind) },
  ]),
);

const subResource = (name: string): Field<NodeDetail> => ({
  whole: true,
  of: (node, call) => links(call.base, `nodes/${node.uuid}/${name}`),
});

/** What a state is called by clients that do not know it yet. */
export function provisionStateFor(state: string, minor: number): string | null {
  if (minor < 2 && state === 'available') return null;
  if (minor < 39 && state === 'inspect wait') return 'inspecting';
  return state;
}

/** Parts of a node that only some may read: shown as a sentence to the others. */
const guarded = (rule: string, of: (node: NodeDetail) => unknown, instead: unknown): NonNullable<Field<NodeDetail>['of']> => {
  return (node, call) =>
    call.allows('node:get:filter_threshold') || call.allows(`node:get:${rule}`, nodeTarget(node)) ? of(node) : instead;
};
const redacted = (rule: string) => `** Redacted - requires baremetal:node:get:${rule} permission. **`;

export const NODE_FIELDS: FieldTable<NodeDetail> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  name: { since: 5 },
  driver: {},
  driver_info: { of: guarded('driver_info', (node) => maskArgs(node.driver_info), { content: redacted('driver_info') }) },
  driver_internal_info: {
    since: 3,
    of: guarded('driver_internal_info', (node) => maskArgs(node.driver_internal_info), { content: redacted('driver_internal_info') }),
  },
  properties: {},
  instance_info: {
    of: (node) => ({ ...maskArgs(node.instance_info), ...(node.has_configdrive ? { configdrive: MASK } : {}) }),
  },
  instance_uuid: {},
  extra: {},
  power_state: {},
  target_power_state: {},
  provision_state: { of: (node, call) => provisionStateFor(node.provision_state, call.minor) },
  target_provision_state: {},
  provision_updated_at: time('provision_updated_at'),
  maintenance: {},
  maintenance_reason: {},
  fault: { since: 42 },
  last_error: { of: guarded('last_error', (node) => node.last_error, redacted('last_error')) },
  reservation: { of: guarded('reservation', (node) => node.flow_kind, redacted('reservation')) },
  console_enabled: {},
  inspection_started_at: { since: 6, ...time('inspection_started_at') },
  inspection_finished_at: { since: 6, ...time('inspection_finished_at') },
  clean_step: { since: 7 },
  raid_config: { since: 12 },
  target_raid_config: { since: 12 },
  resource_class: { since: 21 },
  traits: { since: 37 },
  deploy_step: { since: 44 },
  conductor_group: { since: 46 },
  automated_clean: { since: 47 },
  protected: { since: 48 },
  protected_reason: { since: 48 },
  conductor: { since: 49, of: () => conductorName },
  owner: { since: 50 },
  description: { since: 51 },
  allocation_uuid: { since: 52 },
  retired: { since: 61 },
  retired_reason: { since: 61 },
  lessee: { since: 65 },
  network_data: { since: 66 },
  boot_mode: { since: 75 },
  secure_boot: { since: 75 },
  shard: { since: 82 },
  parent_node: { since: 83 },
  service_step: { since: 87 },
  // No flow here can do without switching a machine off: it can not be asked for.
  disable_power_off: { since: 95, of: () => false },
  chassis_uuid: {},
  ...interfaceFields,
  waiting_for: { hidden: true },
  pool: { hidden: true },
  zone: { hidden: true },
  tags: { hidden: true },
  ports: subResource('ports'),
  states: { since: 14, ...subResource('states') },
  portgroups: { since: 24, ...subResource('portgroups') },
  volume: { since: 32, ...subResource('volume') },
};

export const NODE_SHORT = ['instance_uuid', 'maintenance', 'power_state', 'provision_state', 'uuid', 'name'] as const;
/** Objects have no order. */
export const NODE_UNSORTABLE = [
  'properties',
  'driver_info',
  'extra',
  'instance_info',
  'driver_internal_info',
  'clean_step',
  'deploy_step',
  'service_step',
  'raid_config',
  'target_raid_config',
  'traits',
  'network_data',
  'conductor',
  'chassis_uuid',
  'allocation_uuid',
  'disable_power_off',
  'waiting_for',
  'pool',
  'zone',
  'tags',
];

export const nodePath = (node: { readonly uuid: string }) => `nodes/${node.uuid}`;
export const showNode = (call: Call, node: NodeDetail, only?: readonly string[]): Shown =>
  show(NODE_FIELDS, node, call, nodePath(node), only);
