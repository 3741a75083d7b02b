import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Agent, request } from 'undici';
import { VENDOR_PROFILES } from '../../lab/bmc/vendor-profile.ts';
import { IDENTITY, PASSWORD, redfishAddress, soon, startConnector, startRig, USERNAME } from './bmc-rig.ts';
import { startImageServer } from './image-server.ts';

/** One story for every vendor: our client gets through it whatever the BMC's habits are. */
describe('vendor profiles', { concurrency: 4 }, () => {
  for (const profile of VENDOR_PROFILES)
    test(`${profile.name}: ${profile.shows}`, async () => {
      const rig = await startRig(['redfish'], { profile });
      const images = await startImageServer({ '/agent.iso': 'an image' });
      const { connector } = startConnector();
      try {
        const bmc = connector.connect([redfishAddress(rig.bmc.redfishPort!)]);
        assert.equal((await bmc.identity(soon())).systemUuid, IDENTITY.uuid);
        await bmc.setBios({ SysProfile: 'Custom' }, soon());
        assert.deepEqual(await bmc.pendingBios(soon()), { SysProfile: 'Custom' });
        await bmc.insertMedia({ kind: 'cdrom', url: images.url('/agent.iso') }, soon());
        assert.equal(rig.machine.media.get('cdrom'), images.url('/agent.iso'), 'the machine sees the CD');
        await bmc.setBoot({ device: 'cdrom', persistent: false }, soon());
        assert.deepEqual(await bmc.bootSetting(soon()), { device: 'cdrom', persistent: false, firmwareMode: 'bios' });
        await bmc.setPower('on', soon());
        await rig.bmc.state.settled();
        assert.deepEqual(rig.machine.boots.at(-1), { device: 'cdrom', persistent: false, firmwareMode: 'bios' });
        assert.deepEqual(await bmc.pendingBios(soon()), {});
        await bmc.ejectMedia('cdrom', soon());
        assert.equal(rig.machine.media.size, 0);
        assert.ok(
          (await bmc.virtualMedia(soon())).every(({ image }) => image === undefined),
          'what is gone is not shown',
        );
        await bmc.setFirmwareMode('uefi', soon());
        assert.equal(await bmc.firmwareMode(soon()), 'uefi');
        for (const action of ['reset', 'cycle', 'soft-off'] as const) {
          await bmc.setPower(action, soon());
          await rig.bmc.state.settled();
        }
        assert.equal(await bmc.powerState(soon()), 'off');
        const [controller] = await bmc.storage(soon());
        await bmc.createVolume({ controller: controller!.id, raidType: 'RAID1', drives: ['0', '1'] }, soon());
        await bmc.setPower('on', soon());
        await rig.bmc.state.settled();
        assert.equal((await bmc.storage(soon()))[0]!.volumes.length, 1);
        assert.ok((await bmc.firmwareInventory(soon())).length > 0 && (await bmc.sensors(soon())).length > 0);
        await bmc.setPowerLimit(130, soon());
        assert.deepEqual([await bmc.powerLimit(soon()), (await bmc.powerReading(soon())).watts], [130, 130]);
        await bmc.setPowerLimit(undefined, soon());
        assert.equal(await bmc.powerLimit(soon()), undefined);
      } finally {
        await connector.close();
        await rig.bmc.stop();
        await images.close();
      }
    });
});

test('a limit that the machine can not keep is refused with the range', async () => {
  const rig = await startRig(['redfish'], { profile: VENDOR_PROFILES.find(({ name }) => name === 'openbmc')! });
  const { connector } = startConnector();
  try {
    const bmc = connector.connect([redfishAddress(rig.bmc.redfishPort!)]);
    await assert.rejects(bmc.setPowerLimit(20, soon()), (error: Error & { advice?: string }) => {
      assert.match(error.message, /20 W is no limit that this machine can keep/);
      assert.equal(error.advice, 'Choose one from 50 to 750 W.');
      return true;
    });
    assert.equal(await bmc.powerLimit(soon()), undefined);
  } finally {
    await connector.close();
    await rig.bmc.stop();
  }
});

const refusals: readonly [string, string, object, number][] = [
  ['supermicro', 'Systems/1', { Boot: { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' } }, 400],
  ['fujitsu', 'Systems/0', { Boot: { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' } }, 428],
  ['hpe', 'Systems/1', { Boot: { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' } }, 308],
  [
    'ami',
    'Systems/Self',
    { Boot: { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe', BootSourceOverrideMode: 'UEFI' } },
    428,
  ],
  ['dell', 'Systems/1', { AssetTag: 'x' }, 404],
];
for (const [name, path, body, status] of refusals)
  test(`${name}: a client that knows nothing of it gets ${status}`, async () => {
    const rig = await startRig(['redfish'], { profile: VENDOR_PROFILES.find((each) => each.name === name)! });
    try {
      const answer = await request(`https://127.0.0.1:${rig.bmc.redfishPort}/redfish/v1/${path}`, {
        method: 'PATCH',
        headers: {
          'content-type': 'application/json',
          authorization: `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`,
        },
        body: JSON.stringify(body),
        dispatcher: new Agent({ connect: { rejectUnauthorized: false } }),
      });
      assert.equal(answer.statusCode, status);
    } finally {
      await rig.bmc.stop();
    }
  });
