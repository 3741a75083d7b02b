/*
 * The provision states of a node and what leads from one to another, spelled as Ironic's API spells them. One table:
 * verbs come from people and flows (`PUT …/states/provision`), the other events only from the flow that works on the
 * node. Stable states hold without a flow; every other state has one, and so a `waiting_for`.
 * The diagram in docs/provision-states.md is generated from this table.
 */
export type ProvisionVerb =
  | 'manage'
  | 'provide'
  | 'inspect'
  | 'clean'
  | 'adopt'
  | 'deploy'
  | 'rebuild'
  | 'delete'
  | 'abort'
  | 'rescue'
  | 'unrescue'
  | 'service'
  | 'unhold';
export type FlowEvent = 'done' | 'fail' | 'wait' | 'resume' | 'hold' | 'clean' | 'manage';

export type ProvisionState =
  | 'enroll'
  | 'verifying'
  | 'manageable'
  | 'available'
  | 'active'
  | 'error'
  | 'rescue'
  | 'inspecting'
  | 'inspect wait'
  | 'inspect failed'
  | 'cleaning'
  | 'clean wait'
  | 'clean hold'
  | 'clean failed'
  | 'deploying'
  | 'wait call-back'
  | 'deploy hold'
  | 'deploy failed'
  | 'deleting'
  | 'adopting'
  | 'adopt failed'
  | 'rescuing'
  | 'rescue wait'
  | 'rescue failed'
  | 'unrescuing'
  | 'unrescue failed'
  | 'servicing'
  | 'service wait'
  | 'service hold'
  | 'service failed';

export interface Transition {
  readonly from: ProvisionState;
  readonly event: ProvisionVerb | FlowEvent;
  readonly to: ProvisionState;
}

const rows = (from: ProvisionState, to: Partial<Record<ProvisionVerb | FlowEvent, ProvisionState>>): Transition[] =>
  Object.entries(to).map(([event, target]) => ({ from, event: event as Transition['event'], to: target }));

export const PROVISION_TRANSITIONS: readonly Transition[] = [
  ...rows('enroll', { manage: 'verifying' }),
  ...rows('verifying', { done: 'manageable', fail: 'enroll' }),
  ...rows('manageable', { provide: 'cleaning', clean: 'cleaning', inspect: 'inspecting', adopt: 'adopting' }),

  ...rows('inspecting', { done: 'manageable', wait: 'inspect wait', fail: 'inspect failed' }),
  ...rows('inspect wait', { resume: 'inspecting', done: 'manageable', fail: 'inspect failed', abort: 'inspect failed' }),
  ...rows('inspect failed', { inspect: 'inspecting', manage: 'manageable' }),

  ...rows('cleaning', { done: 'available', manage: 'manageable', wait: 'clean wait', hold: 'clean hold', fail: 'clean failed' }),
  ...rows('clean wait', { resume: 'cleaning', hold: 'clean hold', fail: 'clean failed', abort: 'clean failed' }),
  ...rows('clean hold', { unhold: 'clean wait', fail: 'clean failed', abort: 'clean failed' }),
  ...rows('clean failed', { manage: 'manageable' }),

  ...rows('available', { deploy: 'deploying', manage: 'manageable' }),
  ...rows('deploying', { done: 'active', wait: 'wait call-back', hold: 'deploy hold', fail: 'deploy failed' }),
  ...rows('wait call-back', {
    resume: 'deploying',
    hold: 'deploy hold',
    fail: 'deploy failed',
    abort: 'deploy failed',
    delete: 'deleting',
  }),
  ...rows('deploy hold', { unhold: 'wait call-back', fail: 'deploy failed', abort: 'deploy failed', delete: 'deleting' }),
  ...rows('deploy failed', { deploy: 'deploying', rebuild: 'deploying', delete: 'deleting' }),

  ...rows('active', { rebuild: 'deploying', delete: 'deleting', rescue: 'rescuing', service: 'servicing' }),
  ...rows('deleting', { clean: 'cleaning', fail: 'error' }),
  ...rows('error', { rebuild: 'deploying', delete: 'deleting' }),

  ...rows('adopting', { done: 'active', fail: 'adopt failed' }),
  ...rows('adopt failed', { adopt: 'adopting', manage: 'manageable' }),

  ...rows('rescuing', { done: 'rescue', wait: 'rescue wait', fail: 'rescue failed' }),
  ...rows('rescue wait', { resume: 'rescuing', fail: 'rescue failed', abort: 'rescue failed', delete: 'deleting' }),
  ...rows('rescue failed', { rescue: 'rescuing', unrescue: 'unrescuing', delete: 'deleting' }),
  ...rows('rescue', { rescue: 'rescuing', unrescue: 'unrescuing', delete: 'deleting' }),
  ...rows('unrescuing', { done: 'active', fail: 'unrescue failed' }),
  ...rows('unrescue failed', { rescue: 'rescuing', unrescue: 'unrescuing', delete: 'deleting' }),

  ...rows('servicing', { done: 'active', wait: 'service wait', hold: 'service hold', fail: 'service failed' }),
  ...rows('service wait', {
    resume: 'servicing',
    hold: 'service hold',
    fail: 'service failed',
    abort: 'service failed',
    delete: 'deleting',
  }),
  ...rows('service hold', { unhold: 'service wait', fail: 'service failed', abort: 'service failed', delete: 'deleting' }),
  ...rows('service failed', { service: 'servicing', rescue: 'rescuing', abort: 'active', delete: 'deleting' }),
];

/** States that hold by themselves. The `… failed` states hold too, until somebody chooses a verb. */
export const STABLE_STATES: ReadonlySet<ProvisionState> = new Set([
  'enroll',
  'manageable',
  'available',
  'active',
  'error',
  'rescue',
  'inspect failed',
  'clean failed',
  'deploy failed',
  'adopt failed',
  'rescue failed',
  'unrescue failed',
  'service failed',
]);

/** `DELETE /v1/nodes/{id}` is allowed here, and anywhere in maintenance. */
export const DELETABLE_STATES: ReadonlySet<ProvisionState> = new Set(['enroll', 'manageable', 'available', 'adopt failed']);

const byFromAndEvent = new Map(PROVISION_TRANSITIONS.map((t) => [`${t.from}|${t.event}`, t.to]));

export const nextState = (from: ProvisionState, event: Transition['event']): ProvisionState | undefined =>
  byFromAndEvent.get(`${from}|${event}`);

/** The API's `target` words and the verbs they stand for. */
export const VERB_OF_TARGET: Readonly<Record<string, ProvisionVerb>> = {
  active: 'deploy',
  deploy: 'deploy',
  rebuild: 'rebuild',
  deleted: 'delete',
  undeploy: 'delete',
  manage: 'manage',
  provide: 'provide',
  inspect: 'inspect',
  abort: 'abort',
  clean: 'clean',
  adopt: 'adopt',
  rescue: 'rescue',
  unrescue: 'unrescue',
  unhold: 'unhold',
  service: 'service',
};

const VERBS: ReadonlySet<string> = new Set(Object.values(VERB_OF_TARGET));

/** Verbs that a person may use now. `cleaning` answers `manage` to its flow only, so flow states are left out. */
export const verbsFrom = (from: ProvisionState): ProvisionVerb[] =>
  PROVISION_TRANSITIONS.filter((t) => t.from === from && VERBS.has(t.event) && (STABLE_STATES.has(from) || isWaiting(from))).map(
    (t) => t.event as ProvisionVerb,
  );

const isWaiting = (state: ProvisionState) => / (wait|hold)$|call-back$/.test(state);
