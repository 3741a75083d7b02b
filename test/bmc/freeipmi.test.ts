import assert from 'node:assert/strict';
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
    assert.match(await run('/usr/sbin/ipmi-fru', admin()), /Serial Number: SN-42/);
    await run('/usr/sbin/ipmi-chassis-config', [...admin(), '--commit', '-e', 'Chassis_Boot_Flags:Boot_Device=PXE']);
    assert.equal(rig.bmc.state.boot.flags().device, 'network');
    assert.match(await run('/usr/sbin/ipmipower', [...target(), '--off', '--wait-until-off']), /ok/);
    assert.equal(rig.machine.powerState(), 'off');
  });
}
