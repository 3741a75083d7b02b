import { sql } from 'kysely';
import { isUuid } from './mechanism/attribute-types.ts';
import { readRow } from './mechanism/row-read.ts';
import { ANYONE } from './mechanism/seen.ts';
import { NETWORK_CHANGED } from './network-state-record.ts';
import { ports } from './noun/port-noun.ts';
import { updatePort } from './noun/port-update.ts';
import type { NetworkActor, Trx, Values } from './resource.ts';

/** A port of a network on a NIC of bare metal: bound to the node, with the NIC's own MAC address. */
export interface Plug {
  readonly nodeId: string;
  /** Null: the link has none of its own. */
  readonly mac: string | null;
  readonly switchLinks: readonly unknown[];
  /** The port group that it is on, in Ironic's words; null: a single link. */
  readonly group: unknown;
  /** Its switch is made so: the port is up when the switch has it, and not before. */
  readonly isSwitched: boolean;
}

/** What is no port of the Network API, or none that the actor sees, is left alone: it can be any network's. */
export async function plugIn(trx: Trx, actor: NetworkActor, portId: string, plug: Plug): Promise<void> {
  const port = isUuid(portId) ? await readRow(trx, actor, ports, portId, { lock: true }) : undefined;
  if (port === undefined) return;
  await change(trx, portId, {
    'binding:host_id': plug.nodeId,
    'binding:vnic_type': 'baremetal',
    'binding:profile': {
      local_link_information: plug.switchLinks,
      ...(plug.group === null ? {} : { local_group_information: plug.group }),
    },
    ...(plug.mac === null || port['binding:host_id'] !== '' ? {} : { mac_address: plug.mac }),
  });
  if (plug.isSwitched) await trx.updateTable('network_port').set({ status: 'DOWN' }).where('id', '=', portId).execute();
}

/** Bound nowhere, and with a MAC address that is not the NIC's: another port may come there. */
export async function plugOut(trx: Trx, portId: string, nodeId: string): Promise<void> {
  const port = isUuid(portId) ? await readRow(trx, ANYONE, ports, portId, { lock: true }) : undefined;
  if (port === undefined || port['binding:host_id'] !== nodeId) return;
  await change(trx, portId, { 'binding:host_id': '', 'binding:vnic_type': 'normal', 'binding:profile': {} });
  await change(trx, portId, { mac_address: null });
}

async function change(trx: Trx, portId: string, changes: Values): Promise<void> {
  const before = (await readRow(trx, ANYONE, ports, portId))!;
  await updatePort({ trx, actor: ANYONE }, before, changes);
  await sql`select pg_notify(${NETWORK_CHANGED}, '')`.execute(trx);
}
