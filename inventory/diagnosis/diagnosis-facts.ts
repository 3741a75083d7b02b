import type { JsonObject } from '../../core/base/json.ts';
import type { FlowHistory } from '../../core/flow/flow-service.ts';
import { FINDING_EVENT, POWER_ON_ACTIONS } from '../console-pattern-policy.ts';
import type { NodeRecord } from '../node-record.ts';

/** What a diagnosis may be made of: the node, its last flow, and the flight recorder since that began. */
export interface DiagnosisFacts {
  readonly node: Pick<NodeRecord, 'provision_state' | 'last_error'>;
  readonly history: FlowHistory | undefined;
  /** Of the node, oldest first. */
  readonly events: readonly SeenEvent[];
  /** Of no node, in the same time: boot servers that started, packets that nobody's are. */
  readonly beside: readonly SeenEvent[];
  /** Every boot server on every network, as `boot status` has them. */
  readonly bootServers: readonly SeenBootServer[];
}

export interface SeenBootServer {
  readonly cidr: string;
  readonly address: string;
  readonly seenAt: Date;
  /** Since it last reported. */
  readonly silentSeconds: number;
}

export interface SeenEvent {
  readonly at: Date;
  readonly source: string;
  readonly kind: string;
  readonly evidence: unknown;
  readonly severity: string;
  readonly message: string;
}

/** A cause that the evidence names. */
export interface DiagnosisRule {
  readonly name: string;
  /** The sentence for a person. */
  readonly cause: string;
  /** Which evidence it wants. */
  readonly wants: string;
  readonly advice: string;
  /** Told only when no rule before it, or none of these, knows the cause. */
  readonly unless?: 'others' | readonly string[];
  /** What there is of it, in sentences; none: it is not that. */
  find(facts: DiagnosisFacts): readonly string[];
}

/** As much evidence of one cause as a person reads. */
export const EVIDENCE_SHOWN = 3;

export const evidenceOf = ({ evidence }: SeenEvent): JsonObject => (evidence ?? {}) as JsonObject;
export const told = ({ at, message }: SeenEvent): string => `${at.toISOString()} ${message}`;
export const secondsBetween = (from: SeenEvent, to: SeenEvent): number => (to.at.getTime() - from.at.getTime()) / 1000;

export const ofKind = (events: readonly SeenEvent[], ...kinds: readonly string[]): SeenEvent[] =>
  events.filter(({ kind }) => kinds.includes(kind));

/** Calls of the BMC with this outcome: `ok`, or a code of `bmc/capability.ts`. */
export const bmcCalls = ({ events }: DiagnosisFacts, ...outcomes: readonly string[]): SeenEvent[] =>
  events.filter((event) => event.source === 'bmc' && outcomes.includes(String(evidenceOf(event)['outcome'])));

export const isPowerOn = (event: SeenEvent): boolean => {
  const { outcome, argument } = evidenceOf(event);
  return event.kind === 'bmc.power' && outcome === 'ok' && POWER_ON_ACTIONS.some((action) => action === argument);
};

/** Intel's PXE, UEFI (which calls a timeout E18 or E16), iPXE. */
const NOBODY_OFFERED = ['pxe-e51', 'pxe-e16', 'pxe-e18', 'ipxe-no-address'];

/** The firmware says that nobody offers it an address, and nothing of it came here in that boot. */
export const unheard = (facts: DiagnosisFacts): string[] =>
  bootsOf(facts.events)
    .at(-1)
    ?.some(({ source }) => source === 'dhcp') === false
    ? findings(facts, ...NOBODY_OFFERED).map(told)
    : [];

/** The events of each boot, its power-on first; what was before the first is no boot. */
export function bootsOf(events: readonly SeenEvent[]): SeenEvent[][] {
  const boots: SeenEvent[][] = [];
  for (const event of events) {
    if (isPowerOn(event)) boots.push([]);
    boots.at(-1)?.push(event);
  }
  return boots;
}

/** All events where none is a power-on. */
const lastBootOf = (events: readonly SeenEvent[]): readonly SeenEvent[] => events.slice(Math.max(0, events.findLastIndex(isPowerOn)));

/** What the console told in the last boot: of an earlier one it may be mended. */
export const findings = ({ events }: DiagnosisFacts, ...patterns: readonly string[]): SeenEvent[] =>
  ofKind(lastBootOf(events), FINDING_EVENT).filter((event) => patterns.includes(String(evidenceOf(event)['pattern'])));

/** DHCP exchanges by their transaction id: offers, ACKs and NAKs of one client's one attempt. */
export function exchangesOf(events: readonly SeenEvent[]): SeenEvent[][] {
  const byId = new Map<unknown, SeenEvent[]>();
  for (const event of ofKind(events, 'dhcp.offer', 'dhcp.ack', 'dhcp.nak')) {
    const id = evidenceOf(event)['xid'];
    byId.set(id, [...(byId.get(id) ?? []), event]);
  }
  return [...byId.values()];
}

/** What the flow itself said of it: its error, and why steps were done again. */
export function flowWords({ history }: DiagnosisFacts): string[] {
  const reasons = (history?.steps ?? []).flatMap(({ evidence }) =>
    ['because', 'error', 'message'].map((key) => evidence?.[key]).filter((word): word is string => typeof word === 'string'),
  );
  return [...reasons, ...(history?.error == null ? [] : [history.error.message])];
}

export const wordsThat = (facts: DiagnosisFacts, test: RegExp): string[] => [
  ...new Set(flowWords(facts).filter((word) => test.test(word))),
];
