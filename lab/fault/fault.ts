import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../core/base/json.ts';
import type { Random } from '../../core/base/random.ts';
import type { BmcFaultName, BmcFaults } from '../bmc/bmc-faults.ts';
import type { ControlPlane } from '../scenario/control-plane.ts';
import type { ProductClient } from '../scenario/product-client.ts';
import type { StepSeen } from '../scenario/step-watch.ts';
import type { Rack } from '../start-rack.ts';
import type { FrameFaultName, FrameFaults } from '../switch/frame-faults.ts';
import type { MachineSpec, RackSpec } from '../topology.ts';

/**
 * One thing that goes wrong in a lab run, as data: where it acts, what it does, and what the product owes in spite of it.
 * Either every machine still reaches its goal, or (a `mistake`) the product stops in a named state with cause and advice,
 * and goes on to the goal once the mistake is mended through the API.
 */
export interface Fault {
  readonly name: string;
  readonly part: 'control plane' | 'bmc' | 'switch' | 'machine' | 'operator';
  /** One line for `--fault list`. */
  readonly does: string;
  /** One line: what the product owes. */
  readonly expects: string;
  /** It acts during a deployment only. */
  readonly needsDeployment?: true;
  /** The product's API or its machines' way to it breaks: the lab's own calls are tried again. */
  readonly breaksApi?: true;
  readonly shape?: (spec: RackSpec) => RackSpec;
  readonly frames?: FrameFaults;
  readonly bmc?: BmcFaults;
  /** The rack's counters that are this fault's injections. */
  readonly counters?: { readonly frames?: readonly FrameFaultName[]; readonly bmc?: readonly BmcFaultName[] };
  readonly mistake?: Mistake;
  /** Before the product's first start. */
  readonly prepare?: (scene: PrepareScene) => Promise<void>;
  /** While the machines work. */
  readonly disturb?: (scene: FaultScene) => Promise<Disturbance>;
}

export interface PrepareScene {
  readonly rack: Rack;
  readonly dataDirectory: string;
}

export interface FaultScene extends PrepareScene {
  readonly product: ProductClient;
  readonly controlPlane: ControlPlane;
  readonly random: Random;
  /** The image that the first machine gets, on the host. */
  readonly imagePath: string;
  readonly runDirectory: string;
  /** Every state and step of a node, once. */
  onStep(listener: (step: StepSeen) => void): () => void;
  /** It has happened; with words, the moment is shown on the page of the run. */
  inject(what?: string): void;
  /** The product did not do what it owes. */
  problem(text: string): void;
  say(text: string): void;
}

export interface Disturbance {
  /** Ends it, and waits until what it broke is whole again. */
  stop(): Promise<void>;
}

export interface MistakeScene {
  readonly machine: MachineSpec;
  readonly node: string;
  readonly product: ProductClient;
  readonly rack: Rack;
  /** What a right deployment has. */
  readonly instanceInfo: JsonObject;
}

/** What is wrong for one verb of each machine's walk: an operator's mistake, made through the API, or a part that is broken or plugged wrongly. */
export interface Mistake {
  /** Before which verb. */
  readonly before: 'manage' | 'inspect' | 'deploy';
  /** The state in which the product stops, or that it reaches all the same. */
  readonly state: string;
  /** `last_error` names the cause and the next action; absent where the product gets over it. */
  readonly cause?: RegExp;
  readonly advice?: RegExp;
  /** The rule by which `explain` names it. */
  readonly diagnosis?: string;
  make(scene: MistakeScene): Promise<void>;
  mend(scene: MistakeScene): Promise<void>;
}

/** A wrong `instance_info`, mended by the right one. */
export const wrongInstanceInfo = (
  wrong: (scene: MistakeScene) => JsonObject,
  owed: { readonly cause: RegExp; readonly advice: RegExp },
): Mistake => ({
  before: 'deploy',
  state: 'deploy failed',
  ...owed,
  make: (scene) => setInstanceInfo(scene, { ...scene.instanceInfo, ...wrong(scene) }),
  mend: (scene) => setInstanceInfo(scene, scene.instanceInfo),
});

export const setInstanceInfo = async ({ product, node }: Pick<MistakeScene, 'product' | 'node'>, info: JsonObject): Promise<void> =>
  void (await product.send('PATCH', `/nodes/${node}`, [{ op: 'add', path: '/instance_info', value: info }]));

const LOOK_EVERY_MS = 500;

const untilIt = async ({ product, node }: Pick<MistakeScene, 'product' | 'node'>, field: string, wanted: string): Promise<void> => {
  for (let shown = await product.get(`/nodes/${node}`); shown[field] !== wanted; shown = await product.get(`/nodes/${node}`))
    await pause(LOOK_EVERY_MS);
};

/** As an operator does it; an agent that still runs would serve for the next verb too. */
export async function switchOff(scene: Pick<MistakeScene, 'product' | 'node'>): Promise<void> {
  await scene.product.send('PUT', `/nodes/${scene.node}/states/power`, { target: 'power off' });
  await untilIt(scene, 'power_state', 'power off');
}

/** What was half deployed is cleaned away. */
export async function undeploy(scene: Pick<MistakeScene, 'product' | 'node'>): Promise<void> {
  await scene.product.send('PUT', `/nodes/${scene.node}/states/provision`, { target: 'deleted' });
  await untilIt(scene, 'provision_state', 'available');
}
