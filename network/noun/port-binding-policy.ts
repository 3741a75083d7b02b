import type { Datapath } from '../network-host-service.ts';
import type { Values } from '../resource.ts';

/** What plugs a port in, said by the host it is on: an OVN bridge, or for bare metal the switch port itself. */
export interface Binding {
  readonly host: string;
  readonly vif_type: string;
  readonly vif_details: Readonly<Record<string, unknown>>;
}

export function bindTo(host: string, vnicType: string, datapath?: Datapath): Binding {
  if (host === '') return { host, vif_type: 'unbound', vif_details: {} };
  // A switch carries out no security groups.
  if (vnicType === 'baremetal') return { host, vif_type: 'other', vif_details: { port_filter: false, connectivity: 'l2' } };
  if (datapath === null) return { host, vif_type: 'binding_failed', vif_details: {} };
  const details = { port_filter: true, connectivity: 'l2', bridge_name: 'br-int', datapath_type: datapath ?? 'system' };
  return { host, vif_type: 'ovs', vif_details: details };
}

/** The host that a port will be on, when its binding changes. */
export const hostAsked = (values: Values, before: Values = {}): unknown =>
  values['binding:host_id'] ?? (values['binding:vnic_type'] === undefined ? undefined : before['binding:host_id']);

/**
 * The binding attributes of a port that is made or changed, and its status: up once something is plugged in. A back end with hosts
 * says so itself.
 */
export function bindingOf(values: Values, before: Values = {}, datapath?: Datapath): Values {
  const isAsked = values['binding:host_id'] !== undefined || values['binding:vnic_type'] !== undefined;
  const owner = String(values['device_owner'] ?? before['device_owner'] ?? '');
  if (!isAsked && !owner.startsWith('network:router')) return {};
  const host = String(values['binding:host_id'] ?? before['binding:host_id'] ?? '');
  const type = String(values['binding:vnic_type'] ?? before['binding:vnic_type'] ?? 'normal');
  const { vif_type: vifType, vif_details: details } = bindTo(host, type, datapath);
  return {
    'binding:host_id': host,
    'binding:vif_type': vifType,
    'binding:vif_details': details,
    status: statusOf(host, owner, vifType, datapath, before),
  };
}

function statusOf(host: string, owner: string, vifType: string, datapath: Datapath, before: Values): string | undefined {
  if (owner.startsWith('network:router')) return 'ACTIVE';
  if (datapath === undefined || vifType === 'other') return host === '' ? 'DOWN' : 'ACTIVE';
  return host === before['binding:host_id'] ? undefined : 'DOWN';
}
