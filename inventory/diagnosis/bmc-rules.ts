import {
  bmcCalls,
  bootsOf,
  evidenceOf,
  isPowerOn,
  ofKind,
  secondsBetween,
  told,
  type DiagnosisFacts,
  type DiagnosisRule,
  type SeenEvent,
} from './diagnosis-facts.ts';

/** Slower than any BMC that is well: with its session, one answers within a second. */
const SLOW_CALL_MS = 3_000;
const SLOW_CALLS_MIN = 3;
/** The slowest power supply is off in less after a hard `off`. */
const POWER_LIE_SECONDS = 4;
/** Aborted by us: that it was late is no fault of the way to it. */
const OUR_LIMIT = /within the time allowed/;

const unanswered = (facts: DiagnosisFacts) => bmcCalls(facts, 'timeout', 'unreachable').filter(({ message }) => !OUR_LIMIT.test(message));

function contradictions({ events }: DiagnosisFacts): string[] {
  const lies: string[] = [];
  let command: SeenEvent | undefined;
  for (const event of events) {
    if (event.kind === 'bmc.power') command = evidenceOf(event)['outcome'] === 'ok' ? event : undefined;
    if (event.kind !== 'bmc.power-state' || command === undefined) continue;
    const wanted = ['off', 'soft-off'].includes(String(evidenceOf(command)['argument'])) ? 'off' : 'on';
    const said = evidenceOf(event)['answer'];
    if (said === undefined || said === wanted || secondsBetween(command, event) < POWER_LIE_SECONDS) continue;
    lies.push(`${told(command)}; ${Math.round(secondsBetween(command, event))} s later it said that the power is ${String(said)}`);
    command = undefined;
  }
  return lies;
}

/** What was set is not what is read back, or not what the machine then does. */
function forgotten({ events }: DiagnosisFacts): string[] {
  const found: string[] = [];
  let set: SeenEvent | undefined;
  for (const event of events) {
    if (event.kind === 'bmc.boot') set = evidenceOf(event)['outcome'] === 'ok' ? event : undefined;
    const read = event.kind === 'bmc.boot-setting' ? (evidenceOf(event)['answer'] as { device?: string } | undefined) : undefined;
    if (set === undefined || read === undefined || isPowerOn(event)) continue;
    const wanted = String(evidenceOf(set)['device']);
    if (read.device !== wanted) found.push(`${told(set)} with device ${wanted}; read back it was ${String(read.device)}`);
  }
  return found;
}

function ignored({ events }: DiagnosisFacts): string[] {
  return bootsOf(events).flatMap((boot) => {
    const set = events.findLast((event) => event.kind === 'bmc.boot' && event.at <= boot[0]!.at);
    const isForDisk = set !== undefined && evidenceOf(set)['outcome'] === 'ok' && evidenceOf(set)['device'] === 'disk';
    const came = boot.find((event) => event.source === 'dhcp' && String(evidenceOf(event)['vendorClass']).startsWith('PXEClient'));
    return isForDisk && came !== undefined
      ? [`the BMC was told to boot from the disk, and the firmware came by network: ${told(came)}`]
      : [];
  });
}

function slowCalls(facts: DiagnosisFacts): string[] {
  const calls = bmcCalls(facts, 'ok').toSorted((one, other) => duration(one) - duration(other));
  const median = calls[Math.floor(calls.length / 2)];
  if (calls.length < SLOW_CALLS_MIN || median === undefined || duration(median) < SLOW_CALL_MS) return [];
  return [`half of ${calls.length} calls took ${Math.round(duration(median) / 1000)} s and more`, told(calls.at(-1)!)];
}
const duration = (event: SeenEvent): number => Number(evidenceOf(event)['durationMs']);

export const BMC_RULES: readonly DiagnosisRule[] = [
  {
    name: 'bmc-credentials',
    cause: 'The BMC does not accept the user or the password.',
    wants: 'a BMC call that was refused for its credentials',
    advice: 'Correct user and password in driver_info; the user must be enabled, with administrator rights.',
    find: (facts) => bmcCalls(facts, 'auth', 'lockout').map(told),
  },
  {
    name: 'bmc-session-limit',
    cause: 'Other tools hold all sessions of the BMC.',
    wants: 'a BMC call that was refused because the BMC is busy',
    advice: 'End the sessions of other tools; one that was lost is free after a minute.',
    find: (facts) => bmcCalls(facts, 'busy').map(told),
  },
  {
    name: 'bmc-vendor-odd',
    cause: 'The BMC gives answers that break its specification.',
    wants: 'a BMC call whose answer could not be understood',
    advice: 'Try the other protocol (redfish_address, ipmi_address), or newer firmware of the BMC.',
    find: (facts) => bmcCalls(facts, 'protocol').map(told),
  },
  {
    name: 'bmc-drops-packets',
    cause: 'The network to the BMC loses packets, or the BMC drops them.',
    wants: 'BMC calls without an answer between calls that were answered',
    advice: 'Look at cable and switch port of the BMC, and at whoever else asks it.',
    find(facts) {
      const [lost, answered] = [unanswered(facts), bmcCalls(facts, 'ok')];
      return lost.some((event) => evidenceOf(event)['outcome'] === 'timeout') || (lost.length > 0 && answered.length > 0 && isMixed(facts))
        ? [`${lost.length} of ${lost.length + answered.length} calls got no answer`, ...lost.map(told)]
        : [];
    },
  },
  {
    name: 'bmc-unreachable',
    cause: 'The BMC does not answer at all.',
    wants: 'two or more BMC calls in a row that found nobody',
    advice: 'Check power, cable and address of the BMC, and that its protocol is enabled.',
    unless: ['bmc-drops-packets'],
    find(facts) {
      const lost = bmcCalls(facts, 'unreachable');
      return lost.length >= 2 ? lost.map(told) : [];
    },
  },
  {
    name: 'bmc-power-lies',
    cause: 'The BMC confirms power commands that it has not carried out.',
    wants: `a power command with success, and ${POWER_LIE_SECONDS} s later or more a power state that contradicts it`,
    advice: 'Restart the BMC (`node bmc-reset`) or update its firmware; until then each change of power takes as long as it likes.',
    find: contradictions,
  },
  {
    name: 'bmc-forgets-boot-device',
    cause: 'The BMC accepts a boot device and forgets it.',
    wants: 'a boot device that was set and read back as another, or a network boot after the disk was set',
    advice: 'Set the boot order in the firmware (network first: the boot plane leads on to the disk), and update the firmware of the BMC.',
    find: (facts) => [...forgotten(facts), ...ignored(facts)],
  },
  {
    name: 'bmc-slow',
    cause: 'The BMC is slow.',
    wants: `${SLOW_CALLS_MIN} BMC calls or more, half of them longer than ${SLOW_CALL_MS / 1000} s`,
    advice: 'Look for other tools that keep it busy; restart the BMC (`node bmc-reset`) when it stays so.',
    find: slowCalls,
  },
];

/** A call that was answered after one that was not. */
function isMixed(facts: DiagnosisFacts): boolean {
  const lost = unanswered(facts);
  const answered = ofKind(facts.events, ...new Set(facts.events.filter(({ source }) => source === 'bmc').map(({ kind }) => kind))).filter(
    (event) => evidenceOf(event)['outcome'] === 'ok',
  );
  return lost.some((event, at) => {
    const next = lost[at + 1];
    return next !== undefined && answered.some((ok) => ok.at > event.at && ok.at < next.at);
  });
}
