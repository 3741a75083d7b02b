import assert from 'node:assert/strict';
import type { JsonObject } from '../../core/base/json.ts';
import type { Tenant } from '../identity/identity-rig.ts';
import type { NetworkRig, Shown } from '../network/network-rig.ts';

/** Machines that are only their rows, with `network_interface` neutron: their links are real switch ports all the same. */
export interface MachineRows {
  /** Under `/baremetal/v1`. */
  call(status: number, method: string, path: string, body?: unknown): Promise<JsonObject>;
  /** A node with one port, up to `manageable`. */
  enroll(name: string, link: { readonly mac: string; readonly switchId: string; readonly portId: string }): Promise<string>;
  verb(name: string, target: string, state: string): Promise<JsonObject>;
  reaches(name: string, state: string): Promise<JsonObject>;
  /** A port of the network on the machine, deployed. */
  deploy(name: string, who: Tenant, network: Shown): Promise<Shown>;
  id(name: string): string;
}

const UNTIL_MS_MAX = 120_000;

export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const giveUpAt = Date.now() + UNTIL_MS_MAX; ;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within ${UNTIL_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function createMachineRows(rig: NetworkRig): MachineRows {
  const nodes = new Map<string, string>();
  const id = (name: string) => nodes.get(name)!;
  const call: MachineRows['call'] = async (status, method, path, body) => {
    const answer = await rig.cloud.serve.call(method, `/baremetal/v1${path}`, body);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const reaches: MachineRows['reaches'] = (name, state) =>
    until(`${name} is ${state}`, async () => {
      const node = await call(200, 'GET', `/nodes/${id(name)}`);
      if (String(node['provision_state']).endsWith('failed') && !state.endsWith('failed')) throw new Error(String(node['last_error']));
      return node['provision_state'] === state && node['reservation'] === null ? node : undefined;
    });
  const verb: MachineRows['verb'] = async (name, target, state) => {
    await call(202, 'PUT', `/nodes/${id(name)}/states/provision`, { target });
    return reaches(name, state);
  };
  return {
    id,
    call,
    reaches,
    verb,
    async enroll(name, { mac, switchId, portId }) {
      const { uuid } = await call(201, 'POST', '/nodes', { name, driver: 'fake-hardware', network_interface: 'neutron' });
      nodes.set(name, String(uuid));
      const link = { switch_id: switchId, port_id: portId };
      await call(201, 'POST', '/ports', { node_uuid: uuid, address: mac, local_link_connection: link });
      await verb(name, 'manage', 'manageable');
      return String(uuid);
    },
    async deploy(name, who, network) {
      const port = await rig.make(who.token, '/ports', 'port', { network_id: network.id, name });
      await call(204, 'POST', `/nodes/${id(name)}/vifs`, { id: port.id });
      const { port: before } = await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${port.id}`);
      assert.equal(before!['status'], 'DOWN');
      await verb(name, 'active', 'active');
      return port;
    },
  };
}

/** A network of the site: a VLAN of `physnet1`. */
export const vlanNetwork = (rig: NetworkRig, name: string, vlan: number, more: object = {}): Promise<Shown> =>
  rig.make(rig.admin, '/networks', 'network', {
    name,
    'provider:network_type': 'vlan',
    'provider:physical_network': 'physnet1',
    'provider:segmentation_id': vlan,
    ...more,
  });
