import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BmcConnection } from '../../bmc/capability.ts';
import { BmcError } from '../../bmc/capability.ts';
import type { BmcConnector } from '../../bmc/connect-bmc.ts';
import { ipmiAddress, redfishAddress, soon, startConnector, startRig, type Rig } from './bmc-rig.ts';
import { startImageServer } from './image-server.ts';

/** Our clients and everything a BMC has beyond power and boot device, over both protocols, against the emulated BMC. */
let rig: Rig;
let connector: BmcConnector;
let redfish: BmcConnection;
let ipmi: BmcConnection;
let both: BmcConnection;
let images: Awaited<ReturnType<typeof startImageServer>>;
before(async () => {
  rig = await startRig();
  connector = startConnector().connector;
  redfish = connector.connect([redfishAddress(rig.bmc.redfishPort!)]);
  ipmi = connector.connect([ipmiAddress(rig.bmc.ipmiPort!)]);
  both = connector.connect([ipmiAddress(rig.bmc.ipmiPort!), redfishAddress(rig.bmc.redfishPort!)]);
  images = await startImageServer({ '/tool.iso': 'an image', '/nic.1-21.0.bin': 'version: 21.0.1\n', '/empty.bin': '' });
});
after(async () => {
  await connector.close();
  await rig.bmc.stop();
  await images.close();
});

const failsWith = (code: string) => (error: unknown) => error instanceof BmcError && error.code === code;

async function waitForTask(id: string | undefined) {
  assert.ok(id !== undefined);
  for (;;) {
    const task = await redfish.taskState(id, soon());
    if (task.state !== 'running') return task;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('BIOS attributes with what the registry says of them; pending until the next start', async () => {
  const attributes = await redfish.biosAttributes(soon());
  assert.deepEqual(
    attributes.find(({ name }) => name === 'BootRetryCount'),
    {
      name: 'BootRetryCount',
      value: 3,
      type: 'Integer',
      lowerBound: 0,
      upperBound: 20,
      readOnly: false,
      resetRequired: true,
      unique: false,
    },
  );
  assert.deepEqual(attributes.find(({ name }) => name === 'SysProfile')?.allowableValues, ['PerfOptimized', 'PerfPerWatt', 'Custom']);
  await redfish.setBios({ SysProfile: 'Custom' }, soon());
  assert.deepEqual(await redfish.pendingBios(soon()), { SysProfile: 'Custom' });
  await redfish.setPower('on', soon());
  await rig.bmc.state.settled();
  assert.deepEqual(await redfish.pendingBios(soon()), {});
  await redfish.resetBios(soon());
  assert.deepEqual(await redfish.pendingBios(soon()), { SysProfile: 'PerfOptimized' });
  await assert.rejects(redfish.setBios({ SysProfile: 'Turbo' }, soon()), /PerfOptimized, PerfPerWatt, Custom/);
  await assert.rejects(ipmi.biosAttributes(soon()), failsWith('unsupported'));
  assert.equal((await both.biosAttributes(soon())).length, attributes.length, 'what IPMI cannot do, Redfish does');
});

test('boot mode and secure boot', async () => {
  await redfish.setFirmwareMode('bios', soon());
  await assert.rejects(redfish.setSecureBoot(true, soon()), failsWith('busy'));
  await redfish.setFirmwareMode('uefi', soon());
  assert.equal(await redfish.firmwareMode(soon()), 'uefi');
  await redfish.setSecureBoot(true, soon());
  assert.deepEqual(await redfish.secureBoot(soon()), { enabled: true, active: false });
  await redfish.setPower('reset', soon());
  await rig.bmc.state.settled();
  assert.deepEqual(await redfish.secureBoot(soon()), { enabled: true, active: true });
  await redfish.resetSecureBootKeys('delete-all', soon());
  await ipmi.setFirmwareMode('bios', soon());
  assert.deepEqual([await ipmi.firmwareMode(soon()), await redfish.firmwareMode(soon())], ['bios', 'bios']);
  await ipmi.setBoot({ device: 'none', persistent: false }, soon());
});

test('virtual media: the next image takes the place of the last', async () => {
  await redfish.insertMedia({ kind: 'cdrom', url: images.url('/tool.iso') }, soon());
  await redfish.insertMedia({ kind: 'cdrom', url: images.url('/tool.iso?2') }, soon()).catch(() => undefined);
  await redfish.ejectMedia('cdrom', soon());
  await redfish.insertMedia({ kind: 'disk', url: images.url('/tool.iso') }, soon());
  assert.deepEqual(
    (await redfish.virtualMedia(soon())).map(({ id, kinds, image }) => [id, kinds, image !== undefined]),
    [
      ['Cd', ['cdrom'], false],
      ['Usb', ['disk'], true],
    ],
  );
  await redfish.ejectMedia('disk', soon());
  await redfish.ejectMedia('disk', soon());
  await assert.rejects(redfish.insertMedia({ kind: 'floppy', url: images.url('/tool.iso') }, soon()), failsWith('unsupported'));
  await assert.rejects(redfish.insertMedia({ kind: 'cdrom', url: images.url('/nothing') }, soon()), /HTTP 404/);
});

test('storage: a mirror is made and deleted; what cannot be made is refused in words', async () => {
  const [controller] = await redfish.storage(soon());
  assert.deepEqual(controller!.drives.map(({ id, sizeBytes, media, bus }) => [id, sizeBytes, media, bus])[0], ['0', 480e9, 'ssd', 'sata']);
  assert.ok(controller!.managesVolumes && controller!.raidTypes.includes('RAID1'));
  const made = await redfish.createVolume({ controller: controller!.id, name: 'root', raidType: 'RAID1', drives: ['0', '1'] }, soon());
  assert.equal((await waitForTask(made.id)).state, 'completed');
  const [volume] = (await redfish.storage(soon()))[0]!.volumes;
  assert.deepEqual(volume, { id: volume!.id, name: 'root', raidType: 'RAID1', sizeBytes: 480e9, drives: ['0', '1'] });
  await assert.rejects(redfish.createVolume({ controller: 'RAID.1', raidType: 'RAID0', drives: ['0'] }, soon()), /part of a volume/);
  await waitForTask((await redfish.deleteVolume('RAID.1', volume!.id, soon())).id);
  assert.deepEqual((await redfish.storage(soon()))[0]!.volumes, []);
  await assert.rejects(redfish.createVolume({ controller: 'RAID.1', raidType: 'RAID5', drives: ['0', '1'] }, soon()), /needs 3 drives/);
});

test('firmware: an update is a task that completes or tells why not', async () => {
  const done = await redfish.updateFirmware({ url: images.url('/nic.1-21.0.bin'), target: 'NIC.1' }, soon());
  assert.match((await waitForTask(done.id)).message, /21\.0\.1 is installed/);
  await redfish.setPower('reset', soon());
  await rig.bmc.state.settled();
  assert.equal((await redfish.firmwareInventory(soon())).find(({ id }) => id === 'NIC.1')?.version, '21.0.1');
  const failed = await waitForTask((await redfish.updateFirmware({ url: images.url('/empty.bin') }, soon())).id);
  assert.deepEqual([failed.state, failed.message], ['failed', 'The image is empty.']);
  await assert.rejects(redfish.updateFirmware({ url: images.url('/x'), target: 'GPU' }, soon()), failsWith('unsupported'));
});

test('where a person finds the screen', async () => {
  const { page, ...console } = await redfish.graphicalConsole(soon());
  assert.match(page, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.deepEqual(console, { isEnabled: true, kinds: ['KVMIP'], sessionsMax: 4 });
  await assert.rejects(ipmi.graphicalConsole(soon()), failsWith('unsupported'));
});

describe('the same over both protocols', () => {
  test('sensors', async () => {
    const overRedfish = await redfish.sensors(soon());
    const overIpmi = await ipmi.sensors(soon());
    const plain = (list: typeof overIpmi) =>
      list
        // That of the controller behind the BMC has no place in Redfish here.
        .filter(({ name, value }) => value !== undefined && name !== 'PSU 1 Temp')
        .map(({ name, value, unit, health, thresholds }) => ({ name, value, unit, health, thresholds }));
    assert.deepEqual(plain(overIpmi), plain(overRedfish));
    assert.deepEqual(plain(overIpmi)[4], {
      name: '12V',
      value: 12,
      unit: 'V',
      health: 'ok',
      thresholds: { upperCaution: 12.9, upperCritical: 13.5 },
    });
    assert.deepEqual(
      overIpmi.find(({ name }) => name === 'Power Unit'),
      { name: 'Power Unit', kind: 'Power Unit', entity: 'power unit 1', health: 'ok', thresholds: {}, states: [] },
    );
  });

  test('thresholds are set, read back, and refused by name where they can not be', async () => {
    for (const [bmc, other] of [
      [ipmi, redfish],
      [redfish, ipmi],
    ] as const) {
      const wanted = { upperCaution: bmc === ipmi ? 70 : 75, upperCritical: 80 };
      assert.deepEqual(await bmc.setThresholds('CPU Temp', wanted, soon()), wanted);
      const thresholds = (await other.sensors(soon())).find(({ name }) => name === 'CPU Temp')!.thresholds;
      assert.deepEqual(thresholds, wanted, 'the other protocol shows the same');
      await assert.rejects(
        bmc.setThresholds('CPU Temp', { upperCaution: 90 }, soon()),
        /upperCritical \(80\) would be below upperCaution \(90\)/,
      );
      await assert.rejects(bmc.setThresholds('CPU Temp', { lowerFatal: 1 }, soon()), failsWith('unsupported'));
      await assert.rejects(bmc.setThresholds('CPU Temp', { upperCritical: 300 }, soon()), failsWith('refused'));
      await assert.rejects(bmc.setThresholds('12V', { upperCritical: 14 }, soon()), BmcError);
      await assert.rejects(bmc.setThresholds('Nothing', { upperCritical: 14 }, soon()), /Nothing/);
    }
    rig.bmc.state.putReading('CPU Temp', 82);
    assert.equal((await ipmi.sensors(soon())).find(({ name }) => name === 'CPU Temp')!.health, 'critical');
    rig.bmc.state.putReading('CPU Temp', 48);
    await ipmi.setThresholds('CPU Temp', { upperCaution: 85, upperCritical: 95 }, soon());
    await ipmi.clearHardwareLog(soon());
  });

  test('parts, by records that only IPMI has', async () => {
    const parts = await ipmi.parts(soon());
    const names = (kind: string) => parts.flatMap((part) => (part.kind === kind ? [part.name] : []));
    assert.deepEqual(names('controller'), ['BMC', 'Power backplane', '0x72']);
    assert.deepEqual([names('event sensor'), names('device'), names('fru')], [['OS Boot'], ['DIMM SPD'], ['Builtin FRU']]);
    assert.deepEqual(
      parts.flatMap(({ name, contains }) => (contains === undefined ? [] : [[name, ...contains]])),
      [
        ['system chassis 1', 'power unit 1', 'system board 1', 'fan 1'],
        ['power unit 1', 'power supply 1', 'power supply 2'],
      ],
    );
    await assert.rejects(redfish.parts(soon()), failsWith('unsupported'));
  });

  test('power reading', async () => {
    const reading = { watts: 142, minimumWatts: 142, maximumWatts: 142, averageWatts: 142 };
    assert.deepEqual(await redfish.powerReading(soon()), reading);
    assert.deepEqual(await ipmi.powerReading(soon()), reading);
  });

  test('NMI and the hardware log', async () => {
    const before = rig.machine.nmis;
    await redfish.injectNmi(soon());
    await ipmi.injectNmi(soon());
    await rig.bmc.state.settled();
    assert.equal(rig.machine.nmis, before + 2);
    const overIpmi = await ipmi.hardwareLog(soon());
    assert.deepEqual(overIpmi, await redfish.hardwareLog(soon()));
    assert.match(overIpmi.at(-1)!.message, /^Critical Interrupt: front panel NMI/);
    assert.equal(overIpmi.at(-1)!.severity, 'warning');
    await ipmi.clearHardwareLog(soon());
    assert.deepEqual(await redfish.hardwareLog(soon()), []);
    await redfish.clearHardwareLog(soon());
  });

  test('indicator', async () => {
    await ipmi.setIndicator('blinking', soon());
    assert.equal(await redfish.indicator(soon()), 'blinking');
    await redfish.setIndicator('off', soon());
    assert.equal(await ipmi.indicator(soon()), 'off');
    await assert.rejects(ipmi.setIndicator('on', soon()), failsWith('unsupported'));
  });

  test('watchdog and a BMC that starts anew', async () => {
    assert.deepEqual(await ipmi.watchdog(soon()), { running: false, action: 'none', use: 'reserved', secondsLeft: 0 });
    await ipmi.setWatchdog({ seconds: 100, action: 'power-cycle' }, soon());
    const { secondsLeft, ...state } = await ipmi.watchdog(soon());
    assert.deepEqual(state, { running: true, action: 'power-cycle', use: 'SMS/OS' });
    assert.ok(secondsLeft > 60 && secondsLeft <= 100);
    await ipmi.setWatchdog(undefined, soon());
    assert.equal((await ipmi.watchdog(soon())).running, false);
    await assert.rejects(redfish.watchdog(soon()), failsWith('unsupported'));
    await assert.rejects(redfish.setWatchdog({ seconds: 100, action: 'reset' }, soon()), failsWith('unsupported'));
    await redfish.resetBmc(soon());
    await ipmi.resetBmc(soon());
    assert.equal(await redfish.powerState(soon()), 'on');
  });
});
