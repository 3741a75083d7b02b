import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, run, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Debian's ipmiutil, a third client; it knows no port but 623, so that the BMC has an address of its own. */
const ADDRESS = `127.47.${process.pid % 250}.1`;
let rig: Rig;
before(async () => void (rig = await startRig(['ipmi'], { address: ADDRESS, ipmiPort: 623 })));
after(() => rig.bmc.stop());

const ipmiutil = (command: string, ...args: string[]) =>
  run('ipmiutil', [command, '-N', ADDRESS, '-U', USERNAME, '-P', PASSWORD, '-J', '3', ...args]);

test('health and power', async () => {
  assert.match(await ipmiutil('health'), /IPMI v2\.0[\s\S]*Selftest status += 0055[\s\S]*chassis_power +=? ?off/);
  assert.match(await ipmiutil('power', '-u'), /IPMI_Reset ok/);
  await rig.bmc.state.settled();
  assert.equal(rig.machine.powerState(), 'on');
  assert.match(await ipmiutil('power', '-p', '-r'), /ok/);
  await rig.bmc.state.settled();
  assert.equal(rig.machine.boots.at(-1)?.device, 'network');
});

test('sensors; the makers’ own record at the end is more than it understands', async () => {
  const text = await ipmiutil('sensor').catch((error: { stdout: string }) => error.stdout);
  assert.match(text, /Inlet Temp +=.*24\.00 degrees C/);
  assert.match(text, /Fan 1 +=.*6200\.00 RPM/);
  assert.match(text, /SDR FRU .*Builtin FRU\n.*SDR IPMB .*BMC/);
});

test('event log, FRU, users, LAN and watchdog', async () => {
  assert.match(await ipmiutil('sel'), /Power Unit #10 +Power Restored/);
  assert.match(await ipmiutil('fru'), /Chassis Serial Num +: SN-42[\s\S]*Product Asset Tag +: RACK1-U07/);
  assert.match(await ipmiutil('user', 'list'), /User +2: chan=1\s+enabled\s+Admin\s+admin/);
  assert.match(await ipmiutil('lan'), new RegExp(`IP address: ${ADDRESS.replaceAll('.', '\\.')}`));
  assert.match(await ipmiutil('wdt'), /Watchdog timer is stopped/);
  assert.match(await ipmiutil('sel', '-d'), /completed successfully/);
  assert.deepEqual(rig.bmc.state.eventLog.entries(), []);
});
