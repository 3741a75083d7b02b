/**
 * Why the database cannot take a call now, in words that say what to do; undefined for any other error. Such a call was
 * rolled back: it can be made again as it was.
 */
const BY_SQLSTATE: readonly (readonly [RegExp, string])[] = [
  [/^53100$/, 'The disk of the database is full. Make room in the data folder (or on the server of DATABASE_URL), then try again.'],
  [/^53200$/, 'The database is out of memory. Try again; give its server more memory when it happens often.'],
  [/^53300$/, 'The database takes no more connections. Try again; raise max_connections when it happens often.'],
  [/^(08...|57P0[1-5])$/, 'The database is restarting or away. Try again in a few seconds.'],
  [/^58030$/, 'The database can not read or write its files. Check the disk that holds the data folder.'],
  [/^25006$/, 'The database is read only: it is a standby, or was made so. Point DATABASE_URL at the primary.'],
];
const BY_SYSTEM_ERROR: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk of the data folder is full. Make room there, then try again.',
  ECONNREFUSED: 'The database does not answer. It is starting, or its server is down; try again in a few seconds.',
  ECONNRESET: 'The connection to the database broke. Try again in a few seconds.',
  EPIPE: 'The connection to the database broke. Try again in a few seconds.',
};
/** What the driver says without a code. */
const WITHOUT_CODE = /^Connection terminated|^timeout exceeded when trying to connect$|^Client has encountered a connection error/;

export function explainOutage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return WITHOUT_CODE.test(error.message) ? BY_SYSTEM_ERROR['ECONNRESET'] : undefined;
  return BY_SYSTEM_ERROR[code] ?? BY_SQLSTATE.find(([pattern]) => pattern.test(code))?.[1];
}
