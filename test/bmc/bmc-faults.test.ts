import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BmcError } from '../../bmc/capability.ts';
import { seededRandom } from '../../core/base/random.ts';
import type { BmcFaults } from '../../lab/bmc/bmc-faults.ts';
import { ipmiAddress, redfishAddress, soon, startConnector, startRig } from './bmc-rig.ts';

/** Our clients against BMCs that misbehave: a call ends well, or with a named error that says whether to try again. */
const LIMIT_MS = 60_000;

/** As the product's flows do: what may work later is tried again. */
async function patiently<Result>(call: () => Promise<Result>): Promise<{ result: Result; refusals: string[] }> {
  const refusals: string[] = [];
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    try {
      return { result: await call(), refusals };
    } catch (error) {
      assert.ok(error instanceof BmcError && error.retryable, `not an error to try again after: ${String(error)}`);
      assert.ok(Date.now() < end, `still ${error.message}`);
      refusals.push(error.code);
    }
  }
}

async function withBmc(protocol: 'ipmi' | 'redfish', faults: BmcFaults, seed: number) {
  const rig = await startRig([protocol], { faults, faultRandom: seededRandom(seed) });
  const { connector } = startConnector();
  const address = protocol === 'ipmi' ? ipmiAddress(rig.bmc.ipmiPort!) : redfishAddress(rig.bmc.redfishPort!);
  return {
    ...rig,
    connect: () => connector.connect([address]),
    async stop() {
      await connector.close();
      await rig.bmc.stop();
    },
  };
}

describe('BMCs that misbehave', { concurrency: 8 }, () => {
  for (const protocol of ['ipmi', 'redfish'] as const) {
    test(`${protocol}: a slow one is waited for`, async () => {
      const { connect, bmc, machine, stop } = await withBmc(protocol, { answerDelayMs: [200, 900] }, 1);
      try {
        await patiently(() => connect().setPower('on', soon()));
        await bmc.state.settled();
        assert.equal(machine.powerState(), 'on');
        assert.ok(bmc.injected.answerDelayMs > 0);
      } finally {
        await stop();
      }
    });

    test(`${protocol}: a fifth of the packets lost, and one command is one power-on`, async () => {
      const { connect, bmc, machine, stop } = await withBmc(protocol, { packetLoss: 0.2 }, 2);
      try {
        for (let round = 0; round < 2; round += 1) await patiently(() => connect().powerState(soon()));
        await patiently(() => connect().setPower('on', soon()));
        await bmc.state.settled();
        assert.equal(machine.boots.length, 1);
        assert.ok(bmc.injected.packetLoss > 0);
      } finally {
        await stop();
      }
    });

    test(`${protocol}: no free session is "busy", and a later try gets in`, async () => {
      const { connect, bmc, stop } = await withBmc(protocol, { sessionRefusal: 0.7 }, 8);
      try {
        const { refusals } = await patiently(() => connect().powerState(soon()));
        assert.ok(bmc.injected.sessionRefusal > 0);
        assert.deepEqual(new Set(refusals), new Set(refusals.length === 0 ? [] : ['busy']));
      } finally {
        await stop();
      }
    });

    test(`${protocol}: a boot device is accepted and forgotten`, async () => {
      const { connect, bmc, machine, stop } = await withBmc(protocol, { bootDeviceLoss: 1 }, 4);
      try {
        const connection = connect();
        await connection
          .setBoot({ device: 'network', persistent: false }, soon())
          .catch((error: unknown) => assert.ok(error instanceof BmcError));
        await connection.setPower('on', soon());
        await bmc.state.settled();
        assert.equal(machine.boots.at(-1)!.device, 'none');
        assert.ok(bmc.injected.bootDeviceLoss > 0);
      } finally {
        await stop();
      }
    });

    test(`${protocol}: power that comes later than its answer`, async () => {
      const { connect, bmc, machine, stop } = await withBmc(protocol, { powerDelayMs: [400, 500] }, 5);
      try {
        const connection = connect();
        await connection.setPower('on', soon());
        assert.equal(machine.powerState(), 'off');
        const end = Date.now() + LIMIT_MS;
        while ((await connection.powerState(soon())) !== 'on') {
          assert.ok(Date.now() < end);
          await sleep(50);
        }
        assert.equal(bmc.injected.powerDelayMs, 1);
      } finally {
        await stop();
      }
    });
  }

  test('redfish: what is only read survives connections that break, within the call', async () => {
    const { connect, bmc, stop } = await withBmc('redfish', { packetLoss: 0.25 }, 9);
    try {
      const connection = connect();
      for (let round = 0; round < 10; round += 1) assert.equal((await connection.identity(soon())).serial, 'SN-42');
      assert.ok(bmc.injected.packetLoss > 10);
    } finally {
      await stop();
    }
  });

  test('redfish: a BMC that breaks every connection is unreachable, and the cause is told', async () => {
    const { connect, bmc, machine, stop } = await withBmc('redfish', { packetLoss: 1 }, 10);
    try {
      const refused = (error: unknown) =>
        error instanceof BmcError && error.retryable && /closed the connection before/.test(error.message);
      await assert.rejects(connect().powerState(soon()), refused);
      assert.ok(bmc.injected.packetLoss >= 5, 'the login was tried again');
      assert.equal(machine.boots.length, 0);
    } finally {
      await stop();
    }
  });

  test('ipmi: damaged copies before the answers change nothing', async () => {
    const { connect, bmc, stop } = await withBmc('ipmi', { garbage: 0.8 }, 6);
    try {
      const connection = connect();
      for (let round = 0; round < 20; round += 1) {
        const { result } = await patiently(() => connection.identity(soon()));
        assert.equal(result.serial, 'SN-42');
      }
      assert.ok(bmc.injected.garbage > 20);
    } finally {
      await stop();
    }
  });

  test('a seed gives the same misbehaviour again', async () => {
    const losses = async () => {
      const { connect, bmc, stop } = await withBmc('redfish', { sessionRefusal: 0.5 }, 7);
      try {
        for (let round = 0; round < 6; round += 1) await patiently(() => connect().powerState(soon()));
        return bmc.injected.sessionRefusal;
      } finally {
        await stop();
      }
    };
    assert.equal(await losses(), await losses());
  });
});
