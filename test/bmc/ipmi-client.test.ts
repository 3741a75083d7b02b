import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { seededRandom } from '../../core/base/random.ts';
import { Secret } from '../../core/base/secret.ts';
import { BmcError, type PowerState } from '../../bmc/capability.ts';
import { startBmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { startEmulatedBmc } from '../../lab/bmc/emulated-bmc.ts';
import { IDENTITY, ipmiAddress, PASSWORD, soon, startConnector, startRig, USERNAME } from './bmc-rig.ts';
import { startUdpRelay } from './udp-relay.ts';

/** Our IPMI client against the emulated BMC: everything it can do, and everything that a network does to it. */
const failsWith = (code: string) => (error: unknown) => error instanceof BmcError && error.code === code;

// Side by side, because most of their time is waiting for packets that were meant to get lost.
describe('IPMI client', { concurrency: 8 }, () => {
  for (const cipherSuite of [3, 17] as const) {
    test(`cipher suite ${cipherSuite}: power, boot, identity, LAN, users, console`, async () => {
      const rig = await startRig(['ipmi']);
      const { connector, events } = startConnector();
      try {
        const bmc = connector.connect([ipmiAddress(rig.bmc.ipmiPort!, { cipherSuite })]);
        assert.equal(await bmc.powerState(soon()), 'off');
        await bmc.setBoot({ device: 'network', persistent: false, firmwareMode: 'uefi' }, soon());
        assert.deepEqual(await bmc.bootSetting(soon()), { device: 'network', persistent: false, firmwareMode: 'uefi' });
        await bmc.setPower('on', soon());
        await rig.bmc.state.settled();
        assert.deepEqual(rig.machine.boots.at(-1), { device: 'network', persistent: false, firmwareMode: 'uefi' });
        await bmc.setBoot({ device: 'disk', persistent: true, firmwareMode: 'bios' }, soon());
        await bmc.setPower('reset', soon());
        await rig.bmc.state.settled();
        assert.deepEqual(rig.machine.boots.at(-1), { device: 'disk', persistent: true, firmwareMode: 'bios' });
        const { uuid: systemUuid, manufacturer, product, serial, boardSerial, assetTag } = IDENTITY;
        assert.deepEqual(await bmc.identity(soon()), {
          bmcFirmware: '1.00',
          systemUuid,
          manufacturer,
          product,
          serial,
          boardSerial,
          assetTag,
          powerSupplyWatts: [800, 800],
          managementUrl: 'https://bmc.example.com/',
        });
        assert.equal((await bmc.lan(soon())).ipAddress, '127.0.0.1');
        const password = new Secret('twenty-bytes-passwd!');
        const user = await bmc.putUser('robot', password, soon());
        assert.deepEqual(await bmc.putUser('robot', password, soon()), user, 'again changes the same slot');
        const robot = connector.connect([ipmiAddress(rig.bmc.ipmiPort!, { cipherSuite, username: 'robot', password })]);
        assert.equal(await robot.powerState(soon()), 'on');

        const terminal = await bmc.openConsole(soon());
        let seen = '';
        terminal.on('data', (piece: Buffer) => (seen += piece.toString()));
        const long = 'x'.repeat(1500);
        terminal.write(`hello${long}`);
        while (!seen.includes(`hello${long}`)) await once(terminal, 'data');
        terminal.destroy();
        await once(terminal, 'close');
        await assert.doesNotReject(async () => (await bmc.openConsole(soon())).destroy(), 'the console was given back');

        const text = JSON.stringify(events);
        assert.ok(!text.includes(PASSWORD) && !text.includes('twenty-bytes'), 'no secret in any event');
        assert.ok(events.some((event) => event.kind === 'bmc.power' && event.source === 'bmc' && event.evidence?.['outcome'] === 'ok'));
      } finally {
        await connector.close();
        await rig.bmc.stop();
      }
    });
  }

  test('a wrong password is tried twice, then not again, and new credentials go through', async () => {
    const rig = await startRig(['ipmi']);
    const { connector } = startConnector();
    try {
      const wrong = connector.connect([ipmiAddress(rig.bmc.ipmiPort!, { password: new Secret('wrong') })]);
      await assert.rejects(wrong.powerState(soon()), failsWith('auth'));
      await assert.rejects(wrong.powerState(soon()), failsWith('auth'));
      const packets = rig.bmc.lan!.counters.received;
      await assert.rejects(wrong.powerState(soon()), failsWith('lockout'));
      assert.equal(rig.bmc.lan!.counters.received, packets, 'the BMC was left alone');
      const stranger = connector.connect([ipmiAddress(rig.bmc.ipmiPort!, { username: 'nobody' })]);
      await assert.rejects(stranger.powerState(soon()), failsWith('auth'));
      assert.equal(await connector.connect([ipmiAddress(rig.bmc.ipmiPort!)]).powerState(soon()), 'off');
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });

  for (const seed of [1, 2, 3]) {
    test(`seed ${seed}: lost, repeated and overtaking packets do no harm`, async () => {
      const rig = await startRig(['ipmi']);
      const relay = await startUdpRelay(
        { address: '127.0.0.1', port: rig.bmc.ipmiPort! },
        { loss: 0.1, duplicate: 0.15, reorder: 0.1 },
        seededRandom(seed),
      );
      const { connector } = startConnector();
      try {
        const bmc = connector.connect([ipmiAddress(relay.port)]);
        assert.equal(await bmc.powerState(soon()), 'off');
        await bmc.setPower('on', soon());
        await bmc.setPower('reset', soon());
        assert.equal(rig.machine.boots.length, 2, 'one power-on and one reset, however often their packets came');
        assert.equal(await bmc.powerState(soon()), 'on');
      } finally {
        await connector.close();
        await relay.close();
        await rig.bmc.stop();
      }
    });
  }

  test('a BMC that restarts and forgets its sessions is logged in to again', async () => {
    const rig = await startRig(['ipmi']);
    const { connector } = startConnector();
    try {
      const bmc = connector.connect([ipmiAddress(rig.bmc.ipmiPort!)]);
      assert.equal(await bmc.powerState(soon()), 'off');
      rig.bmc.lan!.dropSessions();
      await bmc.setPower('on', soon());
      assert.equal(await bmc.powerState(soon()), 'on');
      assert.equal(rig.machine.boots.length, 1);
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });

  test('a BMC that is away is unreachable, and a short deadline is kept', async () => {
    const rig = await startRig(['ipmi']);
    const port = rig.bmc.ipmiPort!;
    await rig.bmc.stop();
    const { connector, events } = startConnector();
    try {
      const bmc = connector.connect([ipmiAddress(port)]);
      await assert.rejects(bmc.powerState(AbortSignal.timeout(200)), failsWith('timeout'));
      await assert.rejects(bmc.powerState(soon()), failsWith('unreachable'));
      assert.equal(events.at(-1)?.evidence?.['outcome'], 'unreachable');
      assert.ok(events.at(-1)?.evidence?.['advice']);
    } finally {
      await connector.close();
    }
  });

  test('200 BMCs are polled on one socket with kept sessions', async () => {
    const fleet = await startBmcFleet({
      count: 200,
      firstAddress: '127.9.4.1',
      protocol: 'ipmi',
      ipmiPort: 0,
      password: PASSWORD,
    });
    const { connector, events } = startConnector();
    try {
      const targets = fleet.members.map(({ address, ipmiPort }) => ({
        id: address,
        connection: connector.connect([ipmiAddress(ipmiPort!, { host: address })]),
      }));
      const states = new Map<string, (PowerState | BmcError)[]>();
      await new Promise<void>((resolve) => {
        const polling = connector.pollPower(
          targets,
          (id, state) => {
            states.set(id, [...(states.get(id) ?? []), state]);
            if (states.size === 200 && [...states.values()].every((seen) => seen.length >= 3)) void polling.stop().then(resolve);
          },
          { intervalMs: 500 },
        );
      });
      const failures = [...states.values()].flat().filter((state) => state !== 'off');
      assert.deepEqual(failures, []);
      const requests = fleet.members.reduce((sum, { bmc }) => sum + bmc.lan!.counters.received, 0);
      const polls = events.length;
      // Four set-up exchanges and Set Privilege, once per BMC; then one packet a poll (and room for resends on a busy machine).
      assert.ok(requests < 200 * 5 + polls * 1.5, `${requests} packets for ${polls} polls`);
    } finally {
      await connector.close();
      await fleet.stop();
    }
  });

  test('a console in use is taken over by the newest', async () => {
    const { machine } = await startRig([]);
    const bmc = await startEmulatedBmc({
      name: 'n',
      address: '127.0.0.1',
      ipmiPort: 0,
      protocols: ['ipmi'],
      username: USERNAME,
      password: PASSWORD,
      identity: IDENTITY,
      machine,
    });
    const { connector } = startConnector();
    try {
      const connection = connector.connect([ipmiAddress(bmc.ipmiPort!)]);
      const first = await connection.openConsole(soon());
      first.on('error', () => undefined);
      const second = await connection.openConsole(soon());
      second.once('data', () => undefined);
      await machine.powerOn({ device: 'none', persistent: false });
      await once(second, 'data');
      second.destroy();
      first.destroy();
      await Promise.all([once(first, 'close'), once(second, 'close')]);
    } finally {
      await connector.close();
      await bmc.stop();
    }
  });
});
