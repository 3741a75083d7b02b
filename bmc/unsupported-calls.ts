import type { BmcConnection, BmcError } from './capability.ts';

/** What no other protocol has, in the words of a refusal. */
export const IPMI_ALONE = {
  eventFiltering: 'event filtering',
  enrollTraps: 'platform event traps',
  withdrawTraps: 'platform event traps',
  tryTraps: 'platform event traps',
  acknowledgeTrap: 'platform event traps',
  parts: 'records of parts',
  networkLogin: 'channels and cipher suites',
  setNetworkLogin: 'channels and cipher suites',
} as const;

export const REDFISH_ALONE = {
  certificate: 'certificate',
  requestCertificate: 'certificate',
  replaceCertificate: 'certificate',
  openEvents: 'event stream',
  eventSubscriptions: 'event subscriptions',
  subscribeEvents: 'event subscriptions',
  unsubscribeEvents: 'event subscriptions',
  graphicalConsole: 'graphical console',
  taskState: 'tasks',
} as const;

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
