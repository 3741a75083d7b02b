import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { BmcConnection } from '../../bmc/capability.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { bootAgentStep } from '../../flows/agent-steps.ts';
import type { NodeFlowServices } from '../../flows/node-flow-services.ts';
import { openAgentSession } from '../../inventory/discovery-service.ts';
import { insertNode } from '../../inventory/node-store.ts';
import { startDatabaseRig, type DatabaseRig } from '../core/database-rig.ts';

/** The step that starts a machine into the agent, against a BMC that only obeys. */
let databases: DatabaseRig;
let database: Database;
before(async () => {
  databases = await startDatabaseRig();
  database = await databases.freshDatabase();
});
after(() => databases.close());

test('the agent of the boot before is forgotten with its power: nobody takes it for one that runs when the next boot fails', async () => {
  const node = await database.db.transaction().execute(async (trx) => {
    const made = await insertNode(trx, { driver: 'ipmi', name: 'dead-agent' });
    await openAgentSession(trx, made.uuid);
    return made;
  });
  const told: string[] = [];
  const bmc = {
    powerState: async () => (told.includes('on') ? 'on' : 'off'),
    setPower: async (action: string) => void told.push(action),
    setBoot: async () => void told.push('boot'),
  } as unknown as BmcConnection;
  const step = bootAgentStep({ db: database.db, connectBmc: () => bmc } as unknown as NodeFlowServices);
  const outcome = await step.run({
    state: {},
    input: {},
    subjectId: node.uuid,
    flowId: 'f',
    stepId: 'f/boot_agent/1',
    attempt: 1,
    signal: new AbortController().signal,
    clock: systemClock,
  } as never);
  assert.deepEqual([outcome.kind, told.slice(-2)], ['wait', ['boot', 'on']]);
  const token = async () =>
    (await database.db.selectFrom('node').select('agent_token_hash').where('uuid', '=', node.uuid).executeTakeFirstOrThrow())
      .agent_token_hash;
  assert.notEqual(await token(), null, 'the machine was not told to start before this is stored');
  await database.db.transaction().execute((trx) => (outcome as { commit(trx: unknown): Promise<void> }).commit(trx));
  assert.equal(await token(), null);
});
