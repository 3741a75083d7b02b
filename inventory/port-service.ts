import { portgroupStore, type Portgroup } from './baremetal-stores.ts';
import { InventoryError, type NodeRecord, type Trx } from './node-record.ts';
import { mustLock, notifyBootModel } from './node-service.ts';
import { portStore, type Port } from './port-store.ts';

/*
 * Ports and port groups: what a node's links are. How a port is connected may change while nothing is deployed; all
 * ports of one group are on one physical network.
 */
const CONNECTIVITY_STATES = ['enroll', 'inspecting', 'inspect wait', 'manageable'];
const CONNECTIVITY = ['portgroup_uuid', 'pxe_enabled', 'local_link_connection', 'physical_network'] as const;
export const TENANT_VIF = 'tenant_vif_port_id';

export interface PortDraft {
  readonly node_uuid: string;
  readonly address: string;
  readonly portgroup_uuid: string | null;
  readonly physical_network: string | null;
  readonly pxe_enabled: boolean;
  readonly is_smartnic: boolean;
  readonly name: string | null;
  readonly local_link_connection: object;
  readonly extra: object;
}

export const vifOf = (record: { readonly internal_info: object }): string | undefined =>
  (record.internal_info as Record<string, string | undefined>)[TENANT_VIF];

export async function createPort(trx: Trx, draft: PortDraft & { readonly uuid?: string }): Promise<Port> {
  await mustLock(trx, draft.node_uuid);
  await requireFittingGroup(trx, draft, undefined);
  const port = await portStore.insert(trx, { ...draft });
  await notifyBootModel(trx);
  return port;
}

/** @throws 400, 409 */
export async function changePort(trx: Trx, port: Port, draft: PortDraft): Promise<Port> {
  const node = await mustLock(trx, port.node_uuid);
  if (draft.node_uuid !== port.node_uuid) await mustLock(trx, draft.node_uuid);
  requireChangeable(node, port, draft);
  await requireFittingGroup(trx, draft, port);
  const changed = await portStore.update(trx, port.uuid, { ...draft });
  await notifyBootModel(trx);
  return changed;
}

function requireChangeable(node: NodeRecord, port: Port, draft: PortDraft): void {
  const inUse = node.provision_state === 'active' || node.instance_uuid !== null;
  if (draft.address !== port.address && inUse && !node.maintenance)
    throw new InventoryError(
      409,
      `Cannot update hardware address for port ${port.uuid} as node ${node.uuid} is active or has instance UUID assigned`,
    );
  const changed = CONNECTIVITY.filter((name) => JSON.stringify(draft[name]) !== JSON.stringify(port[name]));
  if (changed.length > 0 && !CONNECTIVITY_STATES.includes(node.provision_state) && !node.maintenance)
    throw new InventoryError(
      409,
      `Port ${port.uuid} can not have any connectivity attributes (${CONNECTIVITY.join(', ')}) updated unless node ${node.uuid} is in a ${CONNECTIVITY_STATES.join(', ')} state or in maintenance mode. The current state is ${node.provision_state}.`,
    );
}

async function requireFittingGroup(trx: Trx, draft: PortDraft, port: Port | undefined): Promise<void> {
  if (draft.portgroup_uuid === null) return;
  const group = await portgroupStore.find(trx, { uuid: draft.portgroup_uuid });
  if (group === undefined) throw new InventoryError(400, `Portgroup ${draft.portgroup_uuid} could not be found.`);
  if (group.node_uuid !== draft.node_uuid)
    throw new InventoryError(400, 'Port can not be added to a portgroup belonging to a different node.');
  const vif = port === undefined ? undefined : vifOf(port);
  if (!group.standalone_ports_supported && (draft.pxe_enabled || vif !== undefined))
    throw new InventoryError(
      409,
      `Port group ${group.uuid} doesn't support standalone ports. This port cannot be a member of that port group because ${vif === undefined ? "its 'pxe_enabled' field is True" : `VIF ${vif} is attached to it`}.`,
    );
  const others = await trx
    .selectFrom('port')
    .select('physical_network')
    .distinct()
    .where('portgroup_uuid', '=', group.uuid)
    .where('uuid', '<>', port?.uuid ?? draft.node_uuid)
    .execute();
  const networks = others.map((other) => other.physical_network);
  if (networks.length > 0 && !networks.includes(draft.physical_network))
    throw new InventoryError(
      409,
      `Port with physical network ${draft.physical_network ?? 'None'} cannot become a member of port group ${group.uuid} which has ports in physical network ${networks.map((name) => name ?? 'None').join(', ')}.`,
    );
}

/** @throws 409 while a VIF is attached. */
export async function requireDetached(trx: Trx, port: Port): Promise<void> {
  const node = await mustLock(trx, port.node_uuid);
  const vif = vifOf(port);
  if (vif !== undefined && !node.maintenance)
    throw new InventoryError(409, `Cannot delete the port ${port.uuid} as it is bound to VIF ${vif} for tenant use.`);
}

/** @throws 409 */
export async function requireGroupChange(
  trx: Trx,
  group: Portgroup,
  draft: { node_uuid: string; standalone_ports_supported: boolean },
): Promise<void> {
  const ports = await trx.selectFrom('port').selectAll().where('portgroup_uuid', '=', group.uuid).execute();
  if (draft.node_uuid !== group.node_uuid) {
    const node = await mustLock(trx, group.node_uuid);
    if (!CONNECTIVITY_STATES.includes(node.provision_state) && !node.maintenance)
      throw new InventoryError(
        409,
        `Portgroup ${group.uuid} can not be associated to node ${draft.node_uuid} unless the node is in a ${CONNECTIVITY_STATES.join(', ')} state or in maintenance mode.`,
      );
    if (ports.length > 0)
      throw new InventoryError(
        400,
        `Portgroup ${group.uuid} can not be associated with node ${draft.node_uuid} because there are ports associated with this portgroup.`,
      );
  }
  const standalone = ports.find((port) => port.pxe_enabled || vifOf(port) !== undefined);
  if (group.standalone_ports_supported && !draft.standalone_ports_supported && standalone !== undefined)
    throw new InventoryError(
      409,
      `standalone_ports_supported can not be set to False, because the port group ${group.uuid} contains port with ${standalone.pxe_enabled ? "'pxe_enabled' set to True" : 'a VIF attached'}`,
    );
}
