import type { JsonObject } from '../../core/base/json.ts';
import {
  evidenceOf,
  isPowerOn,
  ofKind,
  told,
  wordsThat,
  type DiagnosisFacts,
  type DiagnosisRule,
  type SeenEvent,
} from './diagnosis-facts.ts';

/** Below this a disk of any kind is not well. */
const DISK_BYTES_PER_SECOND_MIN = 10e6;
/** A shorter wait says more of latencies than of the disk. */
const DISK_SECONDS_MIN = 5;

const failures = ({ events }: DiagnosisFacts, code: string): SeenEvent[] =>
  ofKind(events, 'agent.failed').filter((event) => evidenceOf(event)['code'] === code);

/** Writes whose result tells for how long the disk was waited for. */
function slowWrites({ history }: DiagnosisFacts): string[] {
  return (history?.steps ?? []).flatMap(({ evidence }) => {
    const result = (evidence?.['result'] ?? {}) as JsonObject;
    const [bytes, seconds] = [Number(result['writtenBytes']), Number(result['diskSeconds'])];
    if (!(seconds >= DISK_SECONDS_MIN) || bytes / seconds >= DISK_BYTES_PER_SECOND_MIN) return [];
    return [`${String(result['device'])} was waited for ${Math.round(seconds)} s for ${Math.round(bytes / 1e6)} MB`];
  });
}

/**
 * The agent looked at the machine twice in one boot: it, or the machine, had started again by itself. What a control plane did with the power just before it
 * died may not be told: a call after that, or after a step that booted the agent, is no second one. Who died in a flow before the last is not known any more.
 */
function diedAtWork({ events, history }: DiagnosisFacts): string[] {
  const restarts = (history?.steps ?? [])
    .filter(({ step, outcome }) => outcome === 'takeover' || (step === 'boot_agent' && outcome === 'wait'))
    .map(({ endedAt }) => endedAt);
  const found: string[] = [];
  let first: SeenEvent | undefined;
  let last: SeenEvent | undefined;
  for (const event of events) {
    if (isPowerOn(event)) first = undefined;
    if (event.kind === 'agent.inspected' || event.kind === 'agent.discovered') {
      const since = first?.at;
      const isOfThisFlow = history === undefined || event.at >= history.createdAt;
      if (first !== undefined && isOfThisFlow && !restarts.some((at) => at > since! && at < event.at))
        found.push(`it last said "${last?.message ?? first.message}", and at ${event.at.toISOString()} a new one called in`);
      first = event;
    }
    if (event.source === 'agent') last = event;
  }
  return found;
}

const agentRule = (name: string, code: string, cause: string, advice: string): DiagnosisRule => ({
  name,
  cause,
  wants: `the agent’s report ${code}`,
  advice,
  find: (facts) => failures(facts, code).map(told),
});

export const AGENT_RULES: readonly DiagnosisRule[] = [
  agentRule(
    'image-checksum',
    'image-checksum',
    'The image is not the one that its record describes: the checksum differs.',
    'Register the image again with its true checksum.',
  ),
  agentRule('image-short', 'image-short', 'The image file on the server is incomplete.', 'Upload the image again.'),
  agentRule(
    'image-unreachable',
    'image-unreachable',
    'The image could not be fetched.',
    'Check that the boot server runs, and that the image is still there.',
  ),
  agentRule(
    'disk-too-small',
    'disk-too-small',
    'The image does not fit the disk.',
    'Choose a smaller image, or a bigger root disk (root device hints).',
  ),
  {
    name: 'disk-vanished',
    cause: 'A disk of the machine is gone.',
    wants: 'a disk that was planned for and is not found, or vanished while it was written, or from one inspection to the next',
    advice: 'Look at the disk, its cable and its controller; inspect the machine again once it is there.',
    find: (facts) => [
      ...failures(facts, 'disk-not-found').map(told),
      ...failures(facts, 'disk-write')
        .filter(({ message }) => /ENODEV|ENXIO|no such device/i.test(message))
        .map(told),
      ...ofKind(facts.events, 'agent.inspected').flatMap((event) =>
        ((evidenceOf(event)['changes'] ?? []) as { path: string; kind: string }[])
          .filter(({ path, kind }) => kind === 'removed' && path.startsWith('disks'))
          .map(({ path }) => `${told(event)}: ${path} is gone`),
      ),
      ...wordsThat(facts, /this machine has no disks/),
    ],
  },
  {
    name: 'disk-bad-sectors',
    cause: 'The disk can not be written everywhere: it has bad sectors.',
    wants: 'a write that failed with an I/O error, or other bytes read back than were written',
    advice: 'Replace the disk, or choose another one by root device hints.',
    unless: ['disk-vanished'],
    find: (facts) => failures(facts, 'disk-write').map(told),
  },
  {
    name: 'disk-slow',
    cause: 'The disk is slow.',
    wants: `a write that waited ${DISK_SECONDS_MIN} s and more for the disk at less than ${DISK_BYTES_PER_SECOND_MIN / 1e6} MB/s, or one that did not end in its time`,
    advice: 'Look at its health (`node log`, the step check_disks), its cable and its controller’s cache; replace it.',
    find: (facts) => [...slowWrites(facts), ...failures(facts, 'timeout').map(told)],
  },
  {
    name: 'agent-killed',
    cause: 'The agent died at work, and started again.',
    wants: 'a second call of an agent without a change of power',
    advice: 'Read its log and its console: most often the memory was not enough, or the machine restarted by itself.',
    find: diedAtWork,
  },
];
