import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import type { Json, JsonObject } from '../../core/base/json.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { FlowDefinition, FlowStep } from '../../core/flow/flow-definition.ts';
import { createFlowEngine, type FlowEngine } from '../../core/flow/flow-engine.ts';
import { cancelFlow, flowHistory, signalFlow, startFlow, type FlowHistory } from '../../core/flow/flow-service.ts';

/** Far above what a loaded machine needs; reached only when something hangs. */
const PATIENCE_MS = 60_000;

export async function until<Value>(what: string, look: () => Promise<Value | undefined | false>): Promise<Value> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > giveUpAt) throw new Error(`gave up waiting for ${what}`);
    await sleep(15);
  }
}

export const makeEngine = (database: Database, definitions: readonly FlowDefinition[], owner = 'engine-a', leaseMs = 1_500): FlowEngine =>
  createFlowEngine({ database, definitions, owner, leaseMs, clock: systemClock, logger: silentLogger });

/** A step with what tests do not care about filled in. */
export const step = (name: string, run: FlowStep['run'], more: Partial<FlowStep> = {}): FlowStep => ({
  name,
  deadlineMs: 30_000,
  run,
  waitingFor: () => ({ what: `${name} to finish`, next: `after ${name}` }),
  ...more,
});

export const begin = async (database: Database, kind: string, more: { lockKey?: string; input?: JsonObject } = {}): Promise<string> => {
  const started = await database.db.transaction().execute((trx) => startFlow(trx, { kind, subjectId: 'subject', input: {}, ...more }));
  if ('conflict' in started) throw new Error(`lock held by ${started.conflict.kind}`);
  return started.id;
};

export const signal = (database: Database, key: string, payload: Json, idempotencyKey?: string) =>
  database.db.transaction().execute((trx) => signalFlow(trx, key, payload, idempotencyKey));
export const cancel = (database: Database, id: string, reason = 'changed my mind') =>
  database.db.transaction().execute((trx) => cancelFlow(trx, id, reason));
export const history = async (database: Database, id: string): Promise<FlowHistory> =>
  (await database.db.transaction().execute((trx) => flowHistory(trx, id)))!;

export const ended = (database: Database, id: string) =>
  until(`flow ${id} to end`, async () => {
    const flow = await history(database, id);
    return flow.endedAt !== null && flow;
  });
export const parked = (database: Database, key: string) =>
  until(`a flow to wait for ${key}`, () =>
    database.db.selectFrom('flow').selectAll().where('wait_key', '=', key).where('lease_owner', 'is', null).executeTakeFirst(),
  );

export const outcomes = (flow: FlowHistory): string[] => flow.steps.map(({ step: name, outcome }) => `${name} ${outcome}`);
