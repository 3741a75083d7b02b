import { BOOT_SERVER_SILENT_SECONDS } from '../boot-share-policy.ts';
import {
  evidenceOf,
  ofKind,
  told,
  unheard,
  wordsThat,
  type DiagnosisFacts,
  type DiagnosisRule,
  type SeenBootServer,
} from './diagnosis-facts.ts';

/** The database went away in the midst of a statement, or took no session. */
const DATABASE_LOST =
  /terminating connection|Connection terminated|ECONNREFUSED.*(5432|PGSQL)|^connect ECONNREFUSED$|the database system is (shutting|starting)/;

const takeovers = ({ history }: DiagnosisFacts, isOwn: boolean): string[] =>
  (history?.steps ?? [])
    .filter(({ outcome, owner, evidence }) => outcome === 'takeover' && (evidence?.['from'] === owner) === isOwn)
    .map(
      ({ step, owner, endedAt, evidence }) =>
        `${endedAt.toISOString()} ${owner} went on with ${step ?? 'the first step'}${isOwn ? ' after it had lost the database' : `, which ${String(evidence?.['from'])} had left`}`,
    );

/** Steps that a process gave up because its database was away, when that was back. */
const givenUp = ({ history }: DiagnosisFacts): string[] =>
  (history?.steps ?? [])
    .filter(({ outcome, evidence }) => outcome === 'released' && evidence?.['after'] === 'database-lost')
    .map(({ step, owner, endedAt }) => `${endedAt.toISOString()} ${owner} had lost the database in ${step ?? 'the first step'}`);

const describeSilent = ({ address, cidr, seenAt, silentSeconds }: SeenBootServer): string =>
  `boot server ${address} has not reported since ${seenAt.toISOString()}, for ${Math.round(silentSeconds)} s; when it runs no more: boot forget ${address} ${cidr}`;

/** Servers that say nothing, and what of this machine was theirs: left to them, answered in their place, or unanswered on a network without another. */
function silentServers(facts: DiagnosisFacts): string[] {
  const silent = facts.bootServers.filter(({ silentSeconds }) => silentSeconds > BOOT_SERVER_SILENT_SECONDS);
  const isAlone = ({ cidr }: SeenBootServer) => facts.bootServers.every((other) => other.cidr !== cidr || silent.includes(other));
  return silent.flatMap((server) => {
    const theirs = facts.events.filter((event) => {
      const { leftTo, inPlaceOf } = evidenceOf(event);
      return (leftTo ?? inPlaceOf) === server.address || (event.kind === 'dhcp.pool-exhausted' && event.message.includes(server.address));
    });
    const unanswered = isAlone(server) ? unheard(facts) : [];
    return theirs.length + unanswered.length === 0 ? [] : [describeSilent(server), ...theirs.map(told), ...unanswered];
  });
}

export const PROCESS_RULES: readonly DiagnosisRule[] = [
  {
    name: 'boot-server-disk-full',
    cause: 'The boot server can not write leases to its disk, and gives no address without.',
    wants: 'a lease that could not be written',
    advice: 'Free space on the boot server’s data disk; the machine asks again by itself.',
    find: ({ events, beside }) => ofKind([...events, ...beside], 'dhcp.journal-failed').map(told),
  },
  {
    name: 'boot-server-silent',
    cause: 'A boot server that has its part in the machine’s network is silent.',
    wants: `a boot server that has not reported for ${BOOT_SERVER_SILENT_SECONDS} s, and DHCP of the machine that was left to it, answered in its place or by nobody`,
    advice: 'Start it again, or give its addresses to the others by `boot forget`; `boot status` shows them all.',
    find: silentServers,
  },
  {
    name: 'boot-server-restarted',
    cause: 'The boot server was down for a while, and started again.',
    wants: 'a boot server that started while this work was under way',
    advice: 'Read its log for why it ended; a second boot server on the network covers such gaps.',
    find: ({ beside }) => ofKind(beside, 'boot.started').map(told),
  },
  {
    name: 'database-lost',
    cause: 'The control plane lost its database for a while.',
    wants: 'a step that failed on its database connection, or went on after that in the same process',
    advice: 'Read the log of PostgreSQL; the work went on by itself.',
    find: (facts) => [...takeovers(facts, true), ...givenUp(facts), ...wordsThat(facts, DATABASE_LOST)],
  },
  {
    name: 'control-plane-killed',
    cause: 'A control plane died, and another one went on with its work.',
    wants: 'a step that was taken over from another process',
    advice: 'Read the log of the one that is gone; the work went on by itself.',
    unless: ['database-lost'],
    find: (facts) => takeovers(facts, false),
  },
];
