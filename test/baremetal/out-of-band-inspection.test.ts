import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startBmcFleet, type BmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { startRig, type Rig } from './baremetal-rig.ts';

/** `inspect_interface` redfish: the BMC tells what the machine is made of, and the machine's power is not touched. */
let rig: Rig;
let fleet: BmcFleet;
before(async () => {
  rig = await startRig();
  fleet = await startBmcFleet({ count: 1, firstAddress: '127.0.0.1', protocol: 'redfish', redfishPort: 0, consecutivePorts: true });
});
after(async () => {
  await rig.stop();
  await fleet.stop();
});

test('processors, memory, disks, NICs and boot mode', async () => {
  const [member] = fleet.members;
  const { uuid } = await rig.expect(201, 'POST', '/v1/nodes', {
    driver: 'redfish',
    inspect_interface: 'redfish',
    properties: { capabilities: 'gpu:yes' },
    driver_info: { redfish_address: member!.redfish!, redfish_username: member!.username, redfish_password: member!.password },
  });
  const node = String(uuid);
  await rig.verb(node, 'manage', 'manageable');
  const inspected = await rig.verb(node, 'inspect', 'manageable');
  assert.deepEqual(inspected['properties'], {
    capabilities: 'gpu:yes,boot_mode:bios',
    cpus: 16,
    cpu_arch: 'x86_64',
    memory_mb: 65_536,
    local_gb: 447,
  });
  assert.equal(inspected['power_state'], 'power off');
  assert.equal(member!.machine.boots.length, 0);
  const { ports } = await rig.expect(200, 'GET', `/v1/nodes/${node}/ports`);
  assert.deepEqual(
    (ports as { address: string }[]).map(({ address }) => address),
    ['02:5a:00:00:00:00'],
  );
  // A second look adds nothing.
  await rig.verb(node, 'inspect', 'manageable');
  assert.equal(((await rig.expect(200, 'GET', `/v1/nodes/${node}/ports`))['ports'] as unknown[]).length, 1);
});
