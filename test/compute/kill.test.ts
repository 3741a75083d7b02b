import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { seededRandom } from '../../core/base/random.ts';
import { startComputeRig } from './compute-rig.ts';

/** Rounds of servers that are made and deleted while the control plane is killed with -9. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 2);
const SEED = Number(process.env['KILL_SEED'] ?? 1);
const SERVERS = 3;
/** A fake machine is deployed, and given back, in less. */
const MOMENT_MS_MAX = 600;

test('killed while servers are built and deleted: each ends active or gone, and nothing is left over', async () => {
  const rig = await startComputeRig();
  const random = seededRandom(SEED);
  const moment = () => sleep(Math.floor(random.unit() * MOMENT_MS_MAX));
  try {
    await rig.machines(SERVERS, { driver_info: { fake_deploy_delay: '0.1' } });
    const { token, network } = await rig.tenant('killed');
    for (let round = 0; round < ROUNDS; round += 1) {
      const ids = [];
      for (let at = 0; at < SERVERS; at += 1) ids.push(await rig.server(token, { networks: [{ uuid: network }] }));
      await moment();
      await rig.crash();
      for (const id of ids) await rig.until(token, id, (shown) => String(shown['status']) === 'ACTIVE');
      assert.deepEqual(await rig.audit(), [], `seed ${SEED}, round ${round}: built`);
      for (const id of ids) await rig.call(token, 'DELETE', `/servers/${id}`);
      await moment();
      await rig.crash();
      for (const id of ids) await rig.untilGone(token, id);
      await rig.untilNodes((nodes) => nodes.every((node) => String(node['provision_state']) === 'available'));
      const { ports } = (await rig.look('/networking/v2.0/ports')) as unknown as { ports: { device_owner: string }[] };
      assert.deepEqual(
        ports.filter(({ device_owner: owner }) => owner.startsWith('compute:')),
        [],
      );
      assert.deepEqual(await rig.audit(), [], `seed ${SEED}, round ${round}: gone`);
    }
  } finally {
    await rig.close();
  }
});
