import type { Values } from '../resource.ts';

/** What plugs a port in, said by the host it is on: an OVN bridge, or for bare metal the switch port itself. */
export interface Binding {
  readonly host: string;
  readonly vif_type: string;
  readonly vif_details: Readonly<Record<string, unknown>>;
}

export function bindTo(host: string, vnicType: string): Binding {
  if (host === '') return { host, vif_type: 'unbound', vif_details: {} };
  if (vnicType === 'baremetal') return { host, vif_type: 'other', vif_details: { connectivity: 'l2' } };
  return { host, vif_type: 'ovs', vif_details: { port_filter: true, connectivity: 'l2', bridge_name: 'br-int', datapath_type: 'system' } };
}

/** The binding attributes of a port that is made or changed, and its status: up once something is plugged in. */
export function bindingOf(values: Values, before: Values = {}): Values {
  const isAsked = values['binding:host_id'] !== undefined || values['binding:vnic_type'] !== undefined;
  const owner = String(values['device_owner'] ?? before['device_owner'] ?? '');
  if (!isAsked && !owner.startsWith('network:router')) return {};
  const host = String(values['binding:host_id'] ?? before['binding:host_id'] ?? '');
  const type = String(values['binding:vnic_type'] ?? before['binding:vnic_type'] ?? 'normal');
  const { vif_type: vifType, vif_details: details } = bindTo(host, type);
  return {
    'binding:host_id': host,
    'binding:vif_type': vifType,
    'binding:vif_details': details,
    status: host !== '' || owner.startsWith('network:router') ? 'ACTIVE' : 'DOWN',
  };
}
