import { ofKind, told, wordsThat, type DiagnosisFacts, type DiagnosisRule } from './diagnosis-facts.ts';

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

export const PROCESS_RULES: readonly DiagnosisRule[] = [
  {
    name: 'boot-server-disk-full',
    cause: 'The boot server can not write leases to its disk, and gives no address without.',
    wants: 'a lease that could not be written',
    advice: 'Free space on the boot server’s data disk; the machine asks again by itself.',
    find: ({ events, beside }) => ofKind([...events, ...beside], 'dhcp.journal-failed').map(told),
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
