import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase } from '../../core/database/connect-database.ts';
import type { FlowDefinition } from '../../core/flow/flow-definition.ts';
import { makeEngine, step } from './flow-rig.ts';

/*
 * Counting steps that leave a row each in the database and a line each in a file. As a program it is an engine process
 * to be killed: node engine-process.ts <connection json> <owner> <file> [<ms for which "slow" sleeps> [<lease ms>]]
 */
export const countingFlow = (file: string, owner: string, slowMs = 0): FlowDefinition => ({
  kind: 'counting',
  version: 1,
  steps: ['one', 'slow', 'three'].map((name) =>
    step(name, async (ctx) => {
      appendFileSync(file, `${owner} ${ctx.stepId}\n`);
      if (name === 'slow' && slowMs > 0) await sleep(slowMs, undefined, { signal: ctx.signal });
      return {
        kind: 'done',
        commit: async (trx) =>
          void (await trx
            .insertInto('flow_event')
            .values({ wait_key: `${ctx.flowId} ${name}`, payload: JSON.stringify({ value: owner }) })
            .execute()),
      };
    }),
  ),
});

if (import.meta.main) {
  const [connection = '', owner = '', file = '', slowMs = '0', leaseMs = '1500'] = process.argv.slice(2);
  const database = await connectDatabase({ connection: JSON.parse(connection), logger: silentLogger });
  await makeEngine(database, [countingFlow(file, owner, Number(slowMs))], owner, Number(leaseMs)).start();
}
