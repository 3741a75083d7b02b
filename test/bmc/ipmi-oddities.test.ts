import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { systemClock, type Clock } from '../../core/base/clock.ts';
import { Secret } from '../../core/base/secret.ts';
import { BmcError, type BmcConnection } from '../../bmc/capability.ts';
import type { IpmiOddities } from '../../lab/bmc/ipmi-oddity.ts';
import { findProfile, VENDOR_PROFILES, type VendorProfile } from '../../lab/bmc/vendor-profile.ts';
import { IDENTITY, ipmiAddress, PASSWORD, run, soon, startConnector, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** BMCs that break IPMI as real ones do: the client gets through all the same, where freeipmi has to be told. */
async function withBmc(profile: VendorProfile, story: (bmc: BmcConnection, rig: Rig) => Promise<void>, clock: Clock = systemClock) {
  const rig = await startRig(['ipmi'], { profile, clock });
  const { connector } = startConnector();
  try {
    await story(connector.connect([ipmiAddress(rig.bmc.ipmiPort!)]), rig);
  } finally {
    await connector.close();
    await rig.bmc.stop();
  }
}
const odd = (ipmi: IpmiOddities): VendorProfile => ({ ...findProfile('basic')!, ipmi });

async function consoleEchoes(bmc: BmcConnection): Promise<void> {
  const terminal = await bmc.openConsole(soon());
  let seen = '';
  terminal.on('data', (piece: Buffer) => (seen += piece.toString()));
  terminal.write('through the line');
  while (!seen.includes('through the line')) await once(terminal, 'data');
  terminal.destroy();
  await once(terminal, 'close');
}

const MINUTE_MS = 60_000;

describe('one story for every profile', { concurrency: 4 }, () => {
  for (const profile of VENDOR_PROFILES)
    test(`${profile.name}: ${JSON.stringify(profile.ipmi)}`, () =>
      withBmc(profile, async (bmc, { machine, bmc: { state } }) => {
        assert.equal((await bmc.identity(soon())).systemUuid, IDENTITY.uuid);
        await bmc.setBoot({ device: 'network', persistent: false, firmwareMode: 'uefi' }, soon());
        await bmc.setPower('on', soon());
        await state.settled();
        assert.equal(machine.boots.at(-1)!.device, 'network');
        await bmc.setBoot({ device: 'disk', persistent: true, firmwareMode: 'uefi' }, soon());
        assert.deepEqual(await bmc.bootSetting(soon()), { device: 'disk', persistent: true, firmwareMode: 'uefi' });
        for (const action of ['reset', 'cycle', 'off', 'on'] as const) {
          await bmc.setPower(action, soon());
          await state.settled();
          assert.equal(machine.boots.at(-1)!.device, 'disk', `${action}: the disk is for good`);
        }
        assert.equal(machine.powerState(), 'on');
        await consoleEchoes(bmc);
        assert.deepEqual(
          (await bmc.sensors(soon())).map(({ name, value }) => [name, value]),
          [
            ['Inlet Temp', 24],
            ['CPU Temp', 48],
            ['Fan 1', 6200],
            ['Power', 142],
            ['12V', 12],
            ['Power Unit', undefined],
            ['PSU 1 Temp', 33],
          ],
        );
        for (const { atMs } of await bmc.hardwareLog(soon())) assert.ok(Math.abs(atMs! - Date.now()) < 2 * MINUTE_MS, 'in our time');
        if (profile.ipmi?.identify === 'none') {
          const isUnsupported = (error: unknown) => error instanceof BmcError && error.code === 'unsupported';
          await assert.rejects(bmc.setIndicator('blinking', soon()), isUnsupported);
          await assert.rejects(bmc.indicator(soon()), isUnsupported);
        } else {
          await bmc.setIndicator('blinking', soon());
          assert.equal(await bmc.indicator(soon()), 'blinking');
          await bmc.setIndicator('off', soon());
          assert.equal(await bmc.indicator(soon()), 'off');
        }
        assert.equal((await bmc.lan(soon())).ipAddress, '127.0.0.1');
      }));
});

test('a password of 20 bytes of which the BMC keeps 16', async () => {
  for (const rakp of ['standard', 'padded-name'] as const)
    await withBmc(odd({ shortPasswords: true, rakp }), async (bmc, rig) => {
      const password = new Secret('twenty-bytes-passwd!');
      await bmc.putUser('robot', password, soon());
      const { connector } = startConnector();
      const robot = (more: Secret) => connector.connect([ipmiAddress(rig.bmc.ipmiPort!, { username: 'robot', password: more })]);
      assert.equal(await robot(password).powerState(soon()), 'off');
      await assert.rejects(robot(new Secret('twenty-bytes-PASSwd!')).powerState(soon()), /knows another password/);
      await connector.close();
    });
});

test('neither user name nor password', async () => {
  const rig = await startRig(['ipmi'], { username: '', password: '' });
  const { connector } = startConnector();
  try {
    const bmc = connector.connect([ipmiAddress(rig.bmc.ipmiPort!, { username: '', password: new Secret('') })]);
    assert.equal(await bmc.powerState(soon()), 'off');
  } finally {
    await connector.close();
    await rig.bmc.stop();
  }
});

test('a BMC that forgets the boot device after 60 s whatever it is told: it is told again', async () => {
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
  await withBmc(
    odd({ bootParametersLacking: [3] }),
    async (bmc, { machine, bmc: { state } }) => {
      await bmc.setBoot({ device: 'network', persistent: false }, soon());
      aheadMs += 2 * MINUTE_MS;
      assert.equal((await bmc.bootSetting(soon())).device, 'none');
      await bmc.setPower('on', soon());
      await state.settled();
      assert.equal(machine.boots.at(-1)!.device, 'network');
      await bmc.setPower('reset', soon());
      await state.settled();
      assert.equal(machine.boots.at(-1)!.device, 'none', 'it was for one boot');
      await bmc.setBoot({ device: 'network', persistent: false }, soon());
      state.boot.set({ valid: true, persistent: false, efi: false, device: 'cdrom' }, false);
      await bmc.setPower('reset', soon());
      await state.settled();
      assert.equal(machine.boots.at(-1)!.device, 'cdrom', 'what somebody else has set meanwhile stays');
    },
    clock,
  );
});

/** Debian's freeipmi knows some by options: with them it gets in, without them it does not. */
const freeipmi = (rig: Rig, more: readonly string[]) =>
  run('/usr/sbin/ipmi-chassis', [
    ...['-D', 'LAN_2_0', '-I', '3', '-h', `127.0.0.1:${rig.bmc.ipmiPort}`, '-u', USERNAME, '-p', PASSWORD, '-l', 'admin'],
    ...more,
    '--get-chassis-status',
  ]);
const witnesses: readonly [string, IpmiOddities, RegExp][] = [
  ['opensesspriv', { hashesOpenLevel: true }, /password invalid/],
  ['nochecksumcheck', { wrongSums: true }, /timeout/],
];
for (const [workaround, oddities, refusal] of witnesses)
  test(`freeipmi -W ${workaround}: ${JSON.stringify(oddities)}`, () =>
    withBmc(odd(oddities), async (bmc, rig) => {
      assert.equal(await bmc.powerState(soon()), 'off');
      await assert.rejects(freeipmi(rig, ['--session-timeout', '2500']), refusal);
      assert.match(await freeipmi(rig, ['-W', workaround]), /System Power +: off/);
    }));
