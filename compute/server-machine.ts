/*
 * The states of a server and what leads from one to another, spelled as Nova's API spells them. A server rests in a state; while
 * something is done with it, its task says what, and a flow of its own says what it waits for. What a kind of machine can not do is
 * named in `METAL_LACKS`; the states come first, since who asks in the wrong one is told that.
 */
export type ServerState =
  | 'building'
  | 'active'
  | 'stopped'
  | 'rescued'
  | 'error'
  | 'deleted'
  | 'paused'
  | 'suspended'
  | 'resized'
  | 'shelved'
  | 'shelved_offloaded'
  | 'soft-delete';

export type ServerVerb =
  | 'start'
  | 'stop'
  | 'reboot'
  | 'reboot_hard'
  | 'rebuild'
  | 'rescue'
  | 'unrescue'
  | 'trigger_crash_dump'
  | 'pause'
  | 'unpause'
  | 'suspend'
  | 'resume'
  | 'shelve'
  | 'shelveOffload'
  | 'unshelve'
  | 'resize'
  | 'confirmResize'
  | 'revertResize'
  | 'migrate'
  | 'live-migrate'
  | 'evacuate'
  | 'createImage'
  | 'createBackup'
  | 'restore'
  | 'changePassword'
  | 'attach_interface'
  | 'detach_interface'
  | 'inject_network_info';

export interface VerbRow {
  readonly verb: ServerVerb;
  readonly from: readonly ServerState[];
  /** What the server's task is called meanwhile. */
  readonly task?: string;
  /** Where it comes to rest; undefined: where it was. */
  readonly to?: ServerState;
}

export const SERVER_VERBS: readonly VerbRow[] = [
  { verb: 'start', from: ['stopped'], task: 'powering-on', to: 'active' },
  { verb: 'stop', from: ['active', 'error'], task: 'powering-off', to: 'stopped' },
  { verb: 'reboot', from: ['active'], task: 'rebooting', to: 'active' },
  { verb: 'reboot_hard', from: ['active', 'stopped', 'paused', 'suspended', 'error'], task: 'rebooting_hard', to: 'active' },
  { verb: 'rebuild', from: ['active', 'stopped', 'error'], task: 'rebuilding', to: 'active' },
  { verb: 'rescue', from: ['active', 'stopped', 'error'], task: 'rescuing', to: 'rescued' },
  { verb: 'unrescue', from: ['rescued'], task: 'unrescuing', to: 'active' },
  { verb: 'trigger_crash_dump', from: ['active', 'paused', 'rescued', 'error'] },
  { verb: 'attach_interface', from: ['active', 'paused', 'stopped'] },
  { verb: 'detach_interface', from: ['active', 'paused', 'stopped'] },
  { verb: 'pause', from: ['active'] },
  { verb: 'unpause', from: ['paused'] },
  { verb: 'suspend', from: ['active'] },
  { verb: 'resume', from: ['suspended'] },
  { verb: 'shelve', from: ['active', 'stopped', 'paused', 'suspended'] },
  { verb: 'shelveOffload', from: ['shelved'] },
  { verb: 'unshelve', from: ['shelved', 'shelved_offloaded'] },
  { verb: 'resize', from: ['active', 'stopped'] },
  { verb: 'confirmResize', from: ['resized'] },
  { verb: 'revertResize', from: ['resized'] },
  { verb: 'migrate', from: ['active', 'stopped'] },
  { verb: 'live-migrate', from: ['active', 'paused'] },
  { verb: 'evacuate', from: ['active', 'stopped', 'error'] },
  { verb: 'createImage', from: ['active', 'stopped', 'paused', 'suspended'] },
  { verb: 'createBackup', from: ['active', 'stopped', 'paused', 'suspended'] },
  { verb: 'restore', from: ['soft-delete'] },
  { verb: 'changePassword', from: ['active'] },
  { verb: 'inject_network_info', from: ['active', 'paused', 'suspended', 'stopped'] },
];

/** What a whole machine without anything of ours on it can not do, and why. */
export const METAL_LACKS: Partial<Record<ServerVerb, string>> = {
  pause: 'its processors can not be halted from outside',
  suspend: 'its memory can not be saved from outside',
  shelve: 'its disks can not be copied away',
  resize: 'a machine has the size that it has: create another server',
  migrate: 'it is the machine: create another server',
  'live-migrate': 'it is the machine: create another server',
  evacuate: 'it is the machine: create another server',
  createImage: 'its disks can not be read from outside',
  createBackup: 'its disks can not be read from outside',
  changePassword: 'nothing of ours runs on it that could: rebuild it, or use a key pair',
  inject_network_info: 'nothing of ours runs on it that could',
};

export const verbRow = (verb: ServerVerb): VerbRow => SERVER_VERBS.find((row) => row.verb === verb)!;

export interface Standing {
  readonly state: ServerState;
  readonly task: string | null;
}

/** In Nova's words; undefined: it can be done now. Deleting is possible always, and nothing is while that goes on. */
export function whyNotNow(verb: ServerVerb, uuid: string, { state, task }: Standing): string | undefined {
  if (!verbRow(verb).from.includes(state)) return `Cannot '${wordOf(verb)}' instance ${uuid} while it is in vm_state ${state}`;
  if (task !== null) return `Cannot '${wordOf(verb)}' instance ${uuid} while it is in task_state ${task}`;
  return undefined;
}

const wordOf = (verb: ServerVerb) => (verb === 'reboot_hard' ? 'reboot' : verb);

/** The API's one word for state and task: task → word, `default` for all others. */
const STATUS: Readonly<Record<ServerState, { readonly default: string; readonly [task: string]: string }>> = {
  building: { default: 'BUILD' },
  active: {
    default: 'ACTIVE',
    rebooting: 'REBOOT',
    rebooting_hard: 'HARD_REBOOT',
    rebuilding: 'REBUILD',
  },
  stopped: { default: 'SHUTOFF', rebooting_hard: 'HARD_REBOOT', rebuilding: 'REBUILD' },
  rescued: { default: 'RESCUE' },
  error: { default: 'ERROR', rebuilding: 'REBUILD' },
  deleted: { default: 'DELETED' },
  paused: { default: 'PAUSED' },
  suspended: { default: 'SUSPENDED' },
  resized: { default: 'VERIFY_RESIZE' },
  shelved: { default: 'SHELVED' },
  shelved_offloaded: { default: 'SHELVED_OFFLOADED' },
  'soft-delete': { default: 'SOFT_DELETED' },
};

export const statusOf = ({ state, task }: Standing): string => {
  const words = STATUS[state];
  return (task === null ? undefined : words[task]) ?? words.default;
};

export interface StatusCondition {
  readonly state: ServerState;
  /** One of these; or none of these. */
  readonly tasks?: readonly string[];
  readonly notTasks?: readonly string[];
}

/** Which states and tasks a status stands for; none: there is no such status. */
export function conditionsOf(status: string): StatusCondition[] {
  return (Object.keys(STATUS) as ServerState[]).flatMap((state): StatusCondition[] => {
    const { default: rest, ...byTask } = STATUS[state];
    const tasks = Object.keys(byTask).filter((task) => byTask[task] === status);
    return [...(tasks.length > 0 ? [{ state, tasks }] : []), ...(rest === status ? [{ state, notTasks: Object.keys(byTask) }] : [])];
  });
}

/** Statuses that show how far something has come. */
export const HAS_PROGRESS: ReadonlySet<string> = new Set(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING']);
export const HAS_FAULT: ReadonlySet<string> = new Set(['ERROR', 'DELETED']);
