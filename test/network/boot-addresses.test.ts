import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase, type Database } from '../../core/database/connect-database.ts';
import { readBootAddresses } from '../../network/boot-address-service.ts';
import { startNetworkRig, type NetworkRig, type Shown } from './network-rig.ts';

/** A machine's NIC gets the address of the port that was put on it: what the Network API says is what the boot plane's DHCP gives. */
const NIC = '52:54:00:be:ef:01';
let rig: NetworkRig;
let database: Database;
let network: Shown;
let heard = 0;
before(async () => {
  rig = await startNetworkRig();
  const host = join(rig.cloud.data, 'pg-run');
  database = await connectDatabase({ connection: { host, user: 'rackwright', database: 'postgres' }, logger: silentLogger });
  database.listen('boot_model', () => (heard += 1));
  const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'provisioning' };
  network = await rig.make(rig.admin, '/networks', 'network', { name: 'machines', ...provider });
  await rig.make(rig.admin, '/subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.66.0.0/24', enable_dhcp: false });
});
after(async () => {
  await database?.close();
  await rig?.close();
});

const told = async () => (await readBootAddresses(database.db, ['10.66.0.0/24'], hostname())).ipv4;
const metal = (method: string, path: string, body?: unknown) =>
  rig.cloud.serve.call(method, `/baremetal/v1${path}`, body, {
    authorization: '',
    'x-auth-token': rig.admin,
    'x-openstack-ironic-api-version': '1.82',
  });

async function untilHeard(count: number): Promise<void> {
  while (heard < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('a port on a NIC is its reservation, from the moment it is put there until it is taken away', async () => {
  const { body: node } = await metal('POST', '/nodes', { driver: 'fake-hardware', name: 'm1' });
  const uuid = String((node as { uuid: string }).uuid);
  await metal('POST', '/ports', { node_uuid: uuid, address: NIC });
  const port = await rig.make(rig.admin, '/ports', 'port', { network_id: network.id, fixed_ips: [{ ip_address: '10.66.0.42' }] });
  assert.deepEqual(await told(), {}, 'a port alone is nobody’s');

  let before = heard;
  assert.equal((await metal('POST', `/nodes/${uuid}/vifs`, { id: port.id })).status, 204);
  await untilHeard(before + 1);
  assert.deepEqual(await told(), { [NIC]: '10.66.0.42' });
  assert.deepEqual(
    (await readBootAddresses(database.db, ['10.67.0.0/24'], hostname())).ipv4,
    {},
    'of a network that is not served nothing is said',
  );

  before = heard;
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/ports/${port.id}`, { port: { fixed_ips: [{ ip_address: '10.66.0.43' }] } });
  await untilHeard(before + 1);
  assert.deepEqual(await told(), { [NIC]: '10.66.0.43' });

  const { agents } = await rig.expect(200, rig.admin, 'GET', '/v2.0/agents?agent_type=DHCP%20agent');
  before = heard;
  await rig.expect(204, rig.admin, 'DELETE', `/v2.0/agents/${agents![0]!.id}/dhcp-networks/${network.id}`);
  await untilHeard(before + 1);
  const without = await readBootAddresses(database.db, ['10.66.0.0/24'], hostname());
  assert.deepEqual(without, { ipv4: {}, ipv6: {}, withdrawn: [NIC] }, 'what was taken from this host’s agent is not answered here');
  assert.deepEqual((await readBootAddresses(database.db, ['10.66.0.0/24'], 'another host')).ipv4, { [NIC]: '10.66.0.43' });
  before = heard;
  await rig.expect(201, rig.admin, 'POST', `/v2.0/agents/${agents![0]!.id}/dhcp-networks`, { network_id: network.id });
  await untilHeard(before + 1);
  assert.deepEqual(await told(), { [NIC]: '10.66.0.43' });

  before = heard;
  assert.equal((await metal('DELETE', `/nodes/${uuid}/vifs/${port.id}`)).status, 204);
  await untilHeard(before + 1);
  assert.deepEqual(await told(), {});
});
