import type { FlowHistory, FlowSummary } from '../core/flow/flow-service.ts';
import { FINDING_EVENT, type ConsoleFinding } from './console-pattern-policy.ts';
import { diagnose, type Diagnosis, type DiagnosisFacts, type SeenEvent } from './diagnosis-rule-table.ts';
import { isPowerOn } from './diagnosis/diagnosis-facts.ts';
import type { NodeRecord } from './node-record.ts';
import { describePowerSource, type PowerSource } from './power-source-service.ts';
import { STABLE_STATES, verbsFrom } from './provision-machine.ts';
import { describeSilence } from './silent-system-policy.ts';

/** The answer to "why is it like this, and what happens next", from facts only. */
export interface Explanation {
  readonly node: string;
  readonly state: string;
  /** One paragraph for a person. */
  readonly summary: string;
  readonly waiting_for: FlowSummary['waitingFor'] | null;
  readonly last_error: string | null;
  /** Causes that the evidence names, the likeliest first. */
  readonly diagnosis: readonly Diagnosis[];
  /** What its console told since the last power-on, the worst one, newest first. */
  readonly console_finding: { readonly at: string; readonly pattern: string; readonly message: string; readonly advice: string } | null;
  /** How it is known whether the machine is on. */
  readonly power_known: string;
  /** Verbs that may be used now. */
  readonly possible: readonly string[];
  /** The last sign of life of each source. */
  readonly last_seen: Readonly<Record<string, { at: string; message: string }>>;
  /** Steps of the last flow with their seconds: where the time went. */
  readonly steps: readonly { step: string; attempt: number; seconds: number; outcome: string }[];
  readonly warnings: readonly string[];
  /** With `network_interface` neutron: what each switch port of it has, shall have, and what it waits for. */
  readonly switch_ports: readonly string[];
}

const WARNINGS_SHOWN = 10;

export function explainNode(facts: {
  node: NodeRecord;
  flow: FlowSummary | undefined;
  history: FlowHistory | undefined;
  events: readonly SeenEvent[];
  switchPorts?: readonly string[];
  powerSource?: PowerSource | undefined;
  /** Of no node, since the last flow began. */
  beside: readonly SeenEvent[];
  bootServers: DiagnosisFacts['bootServers'];
  nowMs: number;
}): Explanation {
  const { node, flow, history, events, switchPorts = [] } = facts;
  const silence = flow === undefined ? describeSilence(node, events, history, facts.nowMs) : undefined;
  const diagnosis = diagnose(facts);
  const waiting = flow?.waitingFor ?? null;
  const finding = worstFinding(events);
  const lastSeen: Record<string, { at: string; message: string }> = {};
  for (const event of events)
    if (event.severity !== 'debug' || event.source === 'agent')
      lastSeen[event.source] = { at: event.at.toISOString(), message: event.message };
  return {
    node: node.uuid,
    state: node.provision_state,
    summary:
      summarise(node, flow) + (finding === null ? '' : ` Its console told: ${finding.message}. ${finding.advice}`) + describe(diagnosis),
    diagnosis,
    waiting_for: waiting,
    last_error: node.last_error,
    console_finding: finding,
    power_known: describePowerSource(facts.powerSource),
    possible: verbsFrom(node.provision_state),
    last_seen: lastSeen,
    steps: (history?.steps ?? []).map((step) => ({
      // A list of steps is one step of its flow; the evidence names them.
      step: typeof step.evidence?.['step'] === 'string' ? step.evidence['step'] : (step.step ?? 'start'),
      attempt: step.attempt,
      seconds: Math.round((step.endedAt.getTime() - step.startedAt.getTime()) / 100) / 10,
      outcome: step.outcome,
    })),
    warnings: [
      ...events
        .filter((event) => event.severity === 'warning' || event.severity === 'error')
        .slice(-WARNINGS_SHOWN)
        .map((event) => `${event.at.toISOString()} ${event.source}: ${event.message}`),
      ...(silence === undefined ? [] : [silence]),
    ],
    switch_ports: switchPorts,
  };
}

/** Rises with what it means for the boot. */
const SEVERITIES = ['warning', 'error', 'fatal'];

function worstFinding(events: readonly SeenEvent[]): Explanation['console_finding'] {
  const start = events.findLastIndex(isPowerOn);
  const found = events
    .slice(start + 1)
    .filter(({ kind }) => kind === FINDING_EVENT)
    .map(({ at, evidence }) => ({ at, ...(evidence as Omit<ConsoleFinding, 'severity'> & { severity: string }) }))
    .filter(({ severity }) => SEVERITIES.includes(severity))
    .toSorted(
      (one, other) => SEVERITIES.indexOf(other.severity) - SEVERITIES.indexOf(one.severity) || other.at.getTime() - one.at.getTime(),
    );
  const [worst] = found;
  if (worst === undefined) return null;
  return { at: worst.at.toISOString(), pattern: worst.pattern, message: worst.message, advice: worst.advice };
}

const describe = ([first]: readonly Diagnosis[]): string => (first === undefined ? '' : ` Diagnosis: ${first.cause} ${first.advice}`);

function summarise(node: NodeRecord, flow: FlowSummary | undefined): string {
  const name = node.name ?? node.uuid;
  const maintenance = node.maintenance ? ` It is in maintenance: ${node.maintenance_reason ?? 'no reason was given'}.` : '';
  if (flow?.waitingFor) {
    const { what, since, deadline, next } = flow.waitingFor;
    return `${name} is ${node.provision_state} (${flow.kind}, step ${flow.step ?? 'first'}). It waits for ${what} since ${since}${deadline === null ? '' : `, at the latest until ${deadline}`}; then: ${next}.${maintenance}`;
  }
  if (!STABLE_STATES.has(node.provision_state))
    return `${name} is ${node.provision_state} and no flow works on it: this should not be. Please report it with the timeline.`;
  const error = node.last_error === null ? '' : ` The last error: ${node.last_error}`;
  return `${name} is ${node.provision_state}; nothing is in progress.${error}${maintenance} Possible now: ${verbsFrom(node.provision_state).join(', ') || 'nothing'}.`;
}
