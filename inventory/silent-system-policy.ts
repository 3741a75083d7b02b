import type { FlowHistory } from '../core/flow/flow-service.ts';
import { FINDING_EVENT } from './console-pattern-policy.ts';
import { evidenceOf, isPowerOn, type SeenEvent } from './diagnosis/diagnosis-facts.ts';
import type { NodeRecord } from './node-record.ts';

/*
 * A node is `active` as soon as its BMC has switched it on: what becomes of the instance then is its owner's. But a machine that
 * hangs in its firmware would be seen by nobody; where the console is recorded, silence can be told from work.
 */
/** Servers with much memory test it for ten minutes, and a first start of an image grows its file system. */
const SILENCE_MS = 15 * 60_000;

/**
 * @param events of the node, oldest first
 * @param history of its last flow: a control plane that died with the power-on left no event of it, but its step was done
 * @returns the warning; undefined: the system was heard, or nobody would have heard it
 */
export function describeSilence(
  { provision_state, power_state, console_enabled }: Pick<NodeRecord, 'provision_state' | 'power_state' | 'console_enabled'>,
  events: readonly SeenEvent[],
  history: Pick<FlowHistory, 'steps'> | undefined,
  nowMs: number,
): string | undefined {
  if (provision_state !== 'active' || power_state !== 'power on' || !console_enabled) return undefined;
  const start = startedAt(events, history);
  if (start === undefined || nowMs - start.getTime() < SILENCE_MS || events.some((event) => event.at >= start && isOfSystem(event)))
    return undefined;
  const minutes = Math.floor((nowMs - start.getTime()) / 60_000);
  return `${start.toISOString()} console: nothing was heard of the system since it was switched on ${minutes} minutes ago: no login prompt on the recorded console, no request for an address. It may hang in its firmware or its kernel; \`node console --recorded\` shows how far it came.`;
}

/** The later of the last power-on that was told and the step that started the instance. */
function startedAt(events: readonly SeenEvent[], history: Pick<FlowHistory, 'steps'> | undefined): Date | undefined {
  const told = events.findLast(isPowerOn)?.at;
  const done = history?.steps.find(isInstanceStart)?.endedAt;
  return told === undefined || (done !== undefined && done > told) ? done : told;
}

const isInstanceStart = ({ step, outcome, evidence }: FlowHistory['steps'][number]): boolean =>
  (outcome === 'done' || outcome === 'goto') && (step === 'boot_instance' || evidence?.['step'] === 'deploy.boot_instance');

/** Whatever the console told is more than silence: a login prompt, or a fault that is told as such. An address without firmware's words is a system's. */
function isOfSystem(event: SeenEvent): boolean {
  if (event.kind === FINDING_EVENT) return true;
  const { architecture, userClasses } = evidenceOf(event);
  return /^dhcp.*\.(offer|ack|advertise|reply)$/.test(event.kind) && architecture === undefined && userClasses === undefined;
}
