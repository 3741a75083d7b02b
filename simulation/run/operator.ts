import type { JsonObject } from '../../core/base/json.ts';
import { activeFlow } from '../../core/flow/flow-service.ts';
import { createNode, type NodeDraft } from '../../inventory/node-edit-service.ts';
import type { Explanation } from '../../inventory/explain-policy.ts';
import { readExplanation } from '../../inventory/explain-service.ts';
import { InventoryError, type NodeRecord } from '../../inventory/node-record.ts';
import { nodeLock, requestVerb } from '../../inventory/node-service.ts';
import { findNode, lockNode, updateNode } from '../../inventory/node-store.ts';
import { createPort } from '../../inventory/port-service.ts';
import { STABLE_STATES, type ProvisionVerb } from '../../inventory/provision-machine.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { Machine } from '../machine/machine.ts';
import { between, makeLife, type World } from '../world/world.ts';
import type { Leg, MachineScenario } from './scenario.ts';

/*
 * The person at the API: takes a machine from verb to verb, tries again what failed some times, reads `explain` whenever the machine has
 * come to rest, and sees to it that a machine which is not at rest says why, and until when.
 */
export interface OperatorReport {
  readonly machine: string;
  readonly node: string | undefined;
  readonly state: string;
  readonly reached: boolean;
  readonly lastError: string | null;
  /** What explain said each time that the machine came to rest, the last one last. */
  readonly explanations: readonly Explanation[];
  readonly failures: readonly string[];
}

const LOOK_MS = 60_000;
/** Changes of states come in groups. */
const GLANCE_MS = 2_000;
const AGAIN_MS = 10 * 60_000;
/** Three boots of a silent machine take 45 minutes, a slow disk two hours: whoever is not at rest after this never will be. */
const REST_MS_MAX = 12 * 3_600_000;
/** What is late by less than this waits for an engine to take it up: a dead one's lease lasts ten minutes in most seeds. */
const LATE_MS_MAX = 15 * 60_000;
/** A system of which nothing is heard for a quarter of an hour is told of. */
const LAST_LOOK_MS = 20 * 60_000;
const DISCOVERY_MS_MAX = 6 * 3_600_000;

/** While a flow works on the node, it is what is of interest. */
type Look = { readonly node?: NodeRecord; readonly flow: Awaited<ReturnType<typeof activeFlow>> };

export async function operate(
  world: World,
  machine: Machine,
  plan: MachineScenario,
  { triesMax, onLeg }: { readonly triesMax: number; readonly onLeg: (leg: Leg) => void },
): Promise<OperatorReport> {
  const clock = world.time.clockOf(makeLife());
  const explanations: Explanation[] = [];
  const failures: string[] = [];

  /** As a client does that gets no answer: again. */
  const ask = async <Value>(call: (database: Database) => Promise<Value>): Promise<Value> => {
    for (;;) {
      const database = world.api();
      if (database !== undefined) {
        const answer = await Promise.race([
          call(database).then(
            (value) => ({ value }),
            (error: unknown) => ({ error }),
          ),
          world.deathOf(database).then(() => undefined),
        ]);
        if (answer !== undefined && 'value' in answer) return answer.value;
        if (answer !== undefined && answer.error instanceof InventoryError) throw answer.error;
      }
      await clock.sleep(5_000);
    }
  };
  const readNode = (uuid: string): Promise<NodeRecord> => ask(async ({ db }) => (await findNode(db, uuid))!);
  const look = (uuid: string): Promise<Look> =>
    ask(async ({ db }) => {
      const flow = await activeFlow(db as never, nodeLock(uuid));
      if (flow !== undefined) return { flow };
      const node = (await findNode(db, uuid))!;
      // One may have begun between the two statements.
      return STABLE_STATES.has(node.provision_state) ? { flow, node } : { flow: await activeFlow(db as never, nodeLock(uuid)), node };
    });
  const check = ({ node, flow }: Look) => {
    if (flow === undefined) {
      if (!STABLE_STATES.has(node!.provision_state)) world.broken(`${node!.provision_state} and no flow works on it`);
      return;
    }
    const waiting = flow.waitingFor;
    if (waiting === null || waiting.what === '' || waiting.next === '' || waiting.since === null)
      return world.broken(`${flow.kind} ${flow.step} does not say what it waits for`);
    if (waiting.deadline === null) return;
    const lateMs = world.time.nowMs() - Date.parse(waiting.deadline);
    if (lateMs > LATE_MS_MAX && world.server.isUp() && world.api() !== undefined)
      world.broken(`${flow.kind} ${flow.step}: ${waiting.what} is late by ${Math.round(lateMs / 1000)} s`);
  };

  /** Until nothing works on the node. */
  const rest = async (uuid: string): Promise<NodeRecord> => {
    const giveUpAtMs = world.time.nowMs() + REST_MS_MAX;
    for (;;) {
      const seen = await look(uuid);
      check(seen);
      if (seen.flow === undefined && seen.node !== undefined && STABLE_STATES.has(seen.node.provision_state)) return seen.node;
      if (world.time.nowMs() > giveUpAtMs) {
        const node = await readNode(uuid);
        world.broken(`the machine is lost: ${node.provision_state} for ${REST_MS_MAX / 3_600_000} hours`);
        return node;
      }
      await somethingChanges();
    }
  };
  const explain = async (node: NodeRecord): Promise<void> => {
    explanations.push(await ask(({ db }) => readExplanation(db, node)));
  };
  const somethingChanges = async () => {
    const woken = new AbortController();
    // Changes of states are told with this payload; other events are of no interest here.
    const forget = world.api()?.listen('machine_event', (payload) => {
      if (payload === '0') woken.abort();
    });
    await clock.sleep(LOOK_MS, woken.signal).catch(() => {});
    forget?.();
    await clock.sleep(GLANCE_MS);
  };
  const request = async (uuid: string, verb: ProvisionVerb): Promise<void> => {
    for (;;) {
      try {
        return await ask(({ db }) =>
          db.transaction().execute(async (trx) => {
            if (verb === 'deploy') await furnish(trx, uuid, plan);
            await requestVerb(trx, uuid, verb, {});
          }),
        );
      } catch (error) {
        // The answer to an earlier try was lost, or another flow has it for a moment.
        if (!(error instanceof InventoryError)) throw error;
        const node = await readNode(uuid);
        if (!STABLE_STATES.has(node.provision_state) || GOALS[verb] === node.provision_state) return;
        await clock.sleep(5_000);
        if (!error.isLocked) await rest(uuid);
      }
    }
  };

  const finish = async (uuid: string | undefined, reached: boolean): Promise<OperatorReport> => {
    // Events are stored in batches, and a machine that was just switched on has not shown yet what it does.
    await clock.sleep(LAST_LOOK_MS);
    const node = uuid === undefined ? undefined : await rest(uuid);
    if (node !== undefined) await explain(node);
    return {
      machine: machine.name,
      node: uuid,
      state: node?.provision_state ?? 'unknown',
      reached,
      lastError: node?.last_error ?? null,
      explanations,
      failures,
    };
  };

  // Nobody asks before the product is up: what starts within a flow's time is what explain tells of.
  await clock.sleep(between(world.random, 2_000, 7_000));
  const uuid = plan.enrolment === 'declared' ? await declare(world, machine, plan, ask) : await discover(world, machine, ask, clock);
  if (uuid === undefined) return finish(undefined, false);
  for (const leg of plan.journey) {
    let reached = false;
    for (let tries = 0; tries < triesMax && !reached; tries += 1) {
      const before = await rest(uuid);
      const way = wayTo(leg, before.provision_state);
      reached = way.length === 0;
      for (const verb of way) {
        world.note('operator', `${verb} ${machine.name}`);
        await request(uuid, verb);
        const after = await rest(uuid);
        await explain(after);
        reached = after.provision_state === leg.goal && verb === way.at(-1);
        if (after.last_error !== null) failures.push(`${verb}: ${after.provision_state}: ${after.last_error}`);
      }
      if (!reached && tries + 1 < triesMax) await clock.sleep(AGAIN_MS);
    }
    if (!reached) return finish(uuid, false);
    onLeg(leg);
  }
  return finish(uuid, true);
}

const GOALS: Readonly<Partial<Record<ProvisionVerb, string>>> = {
  manage: 'manageable',
  provide: 'available',
  deploy: 'active',
  delete: 'available',
};

/** The verbs that lead there from where a failure left the node. */
function wayTo({ verb }: Leg, state: string): readonly ProvisionVerb[] {
  if (state === 'clean failed' && verb === 'delete') return ['manage', 'provide'];
  if (state === 'clean failed') return ['manage', verb];
  if (state === 'available' && verb === 'delete') return [];
  return [verb];
}

async function furnish(trx: Parameters<typeof lockNode>[0], uuid: string, { image, hasRecordedConsole }: MachineScenario): Promise<void> {
  const info = {
    image_source: 'debian.raw.zst',
    image_os_hash_algo: 'sha256',
    image_os_hash_value: image.checksum,
    image_disk_size: image.diskBytes,
  };
  await lockNode(trx, uuid);
  await updateNode(trx, uuid, { instance_info: info, console_enabled: hasRecordedConsole });
}

type Ask = <Value>(call: (database: Database) => Promise<Value>) => Promise<Value>;

function driverInfo(machine: Machine, { driver }: MachineScenario): JsonObject {
  const { name, password } = machine.bmcUser;
  const ipmi = { ipmi_address: machine.bmcHost, ipmi_username: name, ipmi_password: password };
  return driver === 'ipmi'
    ? ipmi
    : { redfish_address: `https://${machine.bmcHost}`, redfish_username: name, redfish_password: password, redfish_verify_ca: false };
}

async function declare(world: World, machine: Machine, plan: MachineScenario, ask: Ask): Promise<string> {
  const draft: NodeDraft = {
    driver: plan.driver,
    name: machine.name,
    driver_info: driverInfo(machine, plan),
    properties: {},
    instance_info: {},
    instance_uuid: null,
    extra: {},
    resource_class: 'baremetal',
    description: null,
    owner: null,
    lessee: null,
    chassis_uuid: null,
    conductor_group: '',
    automated_clean: null,
    maintenance: false,
    protected: false,
    protected_reason: null,
    retired: false,
    retired_reason: null,
    network_data: {},
    shard: null,
    parent_node: null,
    interfaces: {},
  };
  const port = {
    address: machine.mac,
    portgroup_uuid: null,
    physical_network: null,
    pxe_enabled: true,
    is_smartnic: false,
    name: null,
    local_link_connection: {},
    extra: {},
  };
  const uuid = await ask(async ({ db }) => {
    // The answer to an earlier try may have been lost.
    const known = await findNode(db, machine.name);
    if (known !== undefined) return known.uuid;
    return db.transaction().execute(async (trx) => {
      const node = await createNode(trx, draft, { provisionState: 'enroll' }, world.sealer);
      await createPort(trx, { ...port, node_uuid: node.uuid });
      return node.uuid;
    });
  });
  machine.nodeUuid = uuid;
  return uuid;
}

/** A stranger is switched on by hand, again when nothing came of it. Undefined: it never got a BMC user of ours. */
async function discover(
  world: World,
  machine: Machine,
  ask: Ask,
  clock: { sleep(ms: number): Promise<void> },
): Promise<string | undefined> {
  const giveUpAtMs = world.time.nowMs() + DISCOVERY_MS_MAX;
  while (world.time.nowMs() < giveUpAtMs) {
    machine.switchOn();
    for (let looks = 0; looks < 10; looks += 1) {
      await clock.sleep(LOOK_MS);
      const found = await ask(async ({ db }) => {
        const port = await db.selectFrom('port').select('node_uuid').where('address', '=', machine.mac).executeTakeFirst();
        if (port === undefined) return undefined;
        const flow = await activeFlow(db as never, nodeLock(port.node_uuid));
        const node = await findNode(db, port.node_uuid);
        return { node: node!, isIdle: flow === undefined };
      });
      if (found?.isIdle === true && found.node.driver_secrets !== null) return found.node.uuid;
    }
    machine.switchOff();
  }
  return undefined;
}
