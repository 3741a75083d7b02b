import type { BmcConnection, BmcError } from './capability.ts';

/** Calls that are refused by name; `words` says of each what is not there. */
export function unsupportedCalls<Words extends Readonly<Partial<Record<keyof BmcConnection, string>>>>(
  words: Words,
  refuse: (what: string) => BmcError,
): Pick<BmcConnection, keyof Words & keyof BmcConnection> {
  const calls = Object.entries(words).map(([call, what]) => [
    call,
    async () => {
      throw refuse(String(what));
    },
  ]);
  return Object.fromEntries(calls) as Pick<BmcConnection, keyof Words & keyof BmcConnection>;
}
