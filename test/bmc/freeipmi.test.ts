import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PASSWORD, run, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Debian's freeipmi, an implementation that shares no code with ipmitool, drives the emulated BMC. */
let rig: Rig;
before(async () => void (rig = await startRig(['ipmi'])));
after(() => rig.bmc.stop());

for (const suite of [3, 17]) {
  const target = () => ['-D', 'LAN_2_0', '-I', String(suite), '-h', `127.0.0.1:${rig.bmc.ipmiPort}`, '-u', USERNAME, '-p', PASSWORD];
  const admin = () => [...target(), '-l', 'admin'];

  test(`cipher suite ${suite}: power, boot flags, FRU, device`, async () => {
    assert.match(await run('/usr/sbin/ipmipower', [...target(), '--on', '--wait-until-on']), /ok/);
    assert.match(await run('/usr/sbin/ipmipower', [...target(), '--stat']), /: on/);
    assert.match(await run('/usr/sbin/ipmi-chassis', [...admin(), '--get-chassis-status']), /System Power +: on/);
    assert.match(await run('/usr/sbin/bmc-info', admin()), /IPMI Version +: 2\.0/);
    assert.match(await run('/usr/sbin/ipmi-fru', admin()), /Serial Number: SN-42[^]*Overall Capacity: 800 Watts[^]*bmc\.example\.com/);
    await run('/usr/sbin/ipmi-chassis-config', [...admin(), '--commit', '-e', 'Chassis_Boot_Flags:Boot_Device=PXE']);
    assert.equal(rig.bmc.state.boot.flags().device, 'network');
    assert.match(await run('/usr/sbin/ipmipower', [...target(), '--off', '--wait-until-off']), /ok/);
    assert.equal(rig.machine.powerState(), 'off');
  });
}

test('sensors, event log, users, LAN, DCMI power', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'rackwright-freeipmi-'));
  const target = ['-D', 'LAN_2_0', '-I', '17', '-h', `127.0.0.1:${rig.bmc.ipmiPort}`, '-u', USERNAME, '-p', PASSWORD, '-l', 'admin'];
  const records = [`--sdr-cache-directory=${cache}`, '--quiet-cache'];
  const config = (...args: string[]) => run('/usr/sbin/bmc-config', [...target, ...args]);
  try {
    assert.match(await run('/usr/sbin/ipmi-sensors', [...target, ...records]), /Inlet Temp +\| Temperature +\| 21\.00 +\| C +\| 'OK'/);
    assert.match(
      await run('/usr/sbin/ipmi-sensors', [...target, ...records, '-vv']),
      new RegExp(
        [
          'ID String: OS Boot',
          'Entity Association Record \\(8h\\)\nContainer Entity ID: system chassis',
          'Device-relative Entity Association Record \\(9h\\)\nContainer Entity ID: power unit',
          'Device ID String: DIMM SPD',
          'Entity ID: memory module',
          'Management Controller Confirmation Record \\(13h\\)',
          'BMC Message Channel Info Record \\(14h\\)',
          'OEM Data: 52 57',
        ].join('[^]*'),
      ),
    );
    await run('/usr/sbin/ipmipower', [...target, '--on', '--wait-until-on']);
    assert.match(await run('/usr/sbin/ipmi-sel', [...target, ...records]), /Power Unit/);
    await run('/usr/sbin/ipmi-sel', [...target, ...records, '--clear']);
    assert.match(await run('/usr/sbin/ipmi-sel', [...target, '--info']), /Number of log entries +: 0/);
    assert.match(await config('--checkout', '--section=User2'), /Username +admin\n[\s\S]*Lan_Privilege_Limit +Administrator/);
    await config('--commit', '-e', 'User3:Username=watcher');
    assert.match(await config('--checkout', '--section=User3'), /Username +watcher/);
    assert.match(await config('--checkout', '--section=Lan_Conf'), /IP_Address +127\.0\.0\.1/);
    assert.match(await run('/usr/sbin/ipmi-dcmi', [...target, '--get-system-power-statistics']), /Current Power +: \d+ Watts/);
  } finally {
    rmSync(cache, { recursive: true });
  }
});
