import { decodeBootToken } from '../../core/base/boot-token-codec.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { AgentCommand, AgentReport } from '../../deploy-agent/protocol.ts';
import { nextCommand } from '../../inventory/agent-command-service.ts';
import { noteAgentAlive, openSession, takeInspection, takeReport } from '../../inventory/agent-session-service.ts';
import { hashAgentToken } from '../../inventory/discovery-service.ts';
import { findNode } from '../../inventory/node-store.ts';
import type { Life } from '../world/virtual-time.ts';
import { between, type World } from '../world/world.ts';
import type { Machine } from './machine.ts';
import { getAddress, type Wire } from './network-client.ts';
import { doStep } from './agent-steps.ts';
import { DECLARED_STEPS, inventoryOf } from './inventory.ts';

/*
 * The agent in the ramdisk, as the API meets it: it inspects, opens its session, fetches commands and reports, and asks again for as long as
 * nobody answers. A session that is not known any more is opened anew once, then the machine restarts (deploy-agent/protocol.ts).
 */
const POLL_MS = 25_000;
const BACK_OFF_FIRST_MS = 1_000;
const BACK_OFF_MAX_MS = 15_000;
const REFUSALS_MAX = 5;

type SessionEnd = 'stopped' | 'reboot';
class Refused extends Error {}

interface Agent {
  readonly world: World;
  readonly machine: Machine;
  readonly sleep: (from: number, to?: number) => Promise<void>;
  /** An answer of the API, however long it takes. @throws Refused */
  ask<Value>(call: (database: Database) => Promise<Value>): Promise<Value>;
}

export async function runRamdisk(
  world: World,
  wire: Wire,
  machine: Machine,
  plug: Life,
  line: { readonly token: string; readonly claimed: string | undefined },
  mayHang: (name: string) => Promise<void>,
): Promise<SessionEnd> {
  const clock = world.time.clockOf(plug);
  const sleep: Agent['sleep'] = (from, to = from) => clock.sleep(between(world.random, from, to));
  const address = await getAddress(world, wire, machine, plug, 'ramdisk');
  if (address.kind !== 'bound') return 'reboot';
  await mayHang('hang-ramdisk');
  machine.runs = 'agent';
  const agent: Agent = { world, machine, sleep, ask: (call) => ask(world, sleep, call, () => plug.alive) };
  for (let enrolments = 0; enrolments < 2; enrolments += 1) {
    const worked = { done: false };
    try {
      return await serve(agent, await enrol(agent, line), worked);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (worked.done) enrolments = 0;
    }
  }
  return 'reboot';
}

async function ask<Value>(
  world: World,
  sleep: Agent['sleep'],
  call: (database: Database) => Promise<Value>,
  isAlive: () => boolean,
): Promise<Value> {
  let waitMs = BACK_OFF_FIRST_MS;
  for (;;) {
    await sleep(5, 120);
    const database = world.api();
    if (database !== undefined) {
      // A control plane that is killed now never answers: the connection breaks.
      const answer = await Promise.race([
        call(database).then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        ),
        brokenWith(world, database),
      ]);
      if (!isAlive()) return new Promise<never>(() => {});
      if (answer !== 'broken' && 'value' in answer) return answer.value;
      if (answer !== 'broken' && answer.error instanceof Refused) throw answer.error;
    }
    await sleep(waitMs / 2, waitMs);
    waitMs = Math.min(BACK_OFF_MAX_MS, waitMs * 2);
  }
}

/** Resolves some seconds after the process behind the database has died. */
async function brokenWith(world: World, database: Database): Promise<'broken'> {
  await world.deathOf(database);
  return 'broken';
}

async function enrol(agent: Agent, line: { token: string; claimed: string | undefined }): Promise<{ uuid: string; token: string }> {
  const { world, machine, sleep } = agent;
  await sleep(1_000, 4_000);
  for (let refusals = 0; refusals < REFUSALS_MAX; refusals += 1) {
    const claims = decodeBootToken(line.token, world.bootSecret, world.time.nowMs());
    if (claims !== undefined) {
      const report = {
        protocol: 1,
        agentVersion: 'simulated',
        bootMac: machine.mac,
        inventory: inventoryOf(world, machine),
        steps: DECLARED_STEPS,
      } as const;
      const { node } = await agent.ask((database) => takeInspection(database.db, report, claims.nodeId, world.time.nowMs()));
      machine.nodeUuid = node.uuid;
      const token = await agent.ask(async ({ db }) => openSession(db, (await findNode(db, node.uuid))!, world.time.nowMs()));
      return { uuid: node.uuid, token };
    }
    await sleep(BACK_OFF_MAX_MS);
  }
  throw new Refused('the boot token is not accepted any more');
}

/** As the API does before each call of a session. */
async function authenticate({ db }: Database, uuid: string, token: string): Promise<void> {
  const node = await findNode(db, uuid);
  if (node?.agent_token_hash !== hashAgentToken(token)) throw new Refused('this agent session was replaced');
}

async function serve(agent: Agent, { uuid, token }: { uuid: string; token: string }, worked: { done: boolean }): Promise<SessionEnd> {
  const { world } = agent;
  const reports = new Map<string, AgentReport>();
  for (;;) {
    const command = await agent.ask(async (database) => {
      await authenticate(database, uuid, token);
      await noteAgentAlive(database.db, uuid);
      return nextCommand(database.db, uuid, world.sealer);
    });
    if (command === undefined) {
      await awaitCommand(agent, uuid);
      continue;
    }
    const send = (report: AgentReport) =>
      agent.ask(async (database) => {
        await authenticate(database, uuid, token);
        return takeReport(database.db, uuid, report, world.time.nowMs());
      });
    const report = reports.get(command.id) ?? (await runCommand(agent, command, send));
    if (report === 'killed') return 'reboot';
    reports.set(command.id, report);
    await send(report);
    if (report.status === 'succeeded') agent.machine.disk.settled.add(command.id);
    worked.done = true;
    if (command.step === 'sync_and_stop' && report.status === 'succeeded') return 'stopped';
  }
}

/** The long poll: until there is a word about this node, or its time is over. */
async function awaitCommand({ world, machine }: Agent, uuid: string): Promise<void> {
  const woken = new AbortController();
  const forget = world.api()?.listen('agent_command', (about) => {
    if (about === uuid) woken.abort();
  });
  await world.time
    .clockOf(machine.plug)
    .sleep(POLL_MS, woken.signal)
    .catch(() => {});
  forget?.();
}

async function runCommand(
  agent: Agent,
  command: AgentCommand,
  send: (report: AgentReport) => Promise<{ abort: boolean }>,
): Promise<AgentReport | 'killed'> {
  const { world, machine, sleep } = agent;
  const running = (done: number) =>
    send({ commandId: command.id, status: 'running', progress: { phase: command.step, done, total: 100, unit: 'steps' } });
  const outcome = await doStep({ world, machine, sleep, command, running });
  if (outcome === 'killed') return 'killed';
  return 'error' in outcome
    ? { commandId: command.id, status: 'failed', error: outcome.error }
    : { commandId: command.id, status: 'succeeded', result: outcome.result };
}
