import { MATCH_EVERYTHING, PEF_ACTION, PEF_ENABLED, type AlertPolicy, type EventFilter } from './pef-codec.ts';

/** What has to be written into a BMC's tables so that one receiver is told of every event, and nobody else less than before. */
export interface TrapTables {
  readonly control: number;
  readonly actions: number;
  readonly filters: readonly EventFilter[];
  readonly policies: readonly AlertPolicy[];
  /** By selector from 1; undefined: another kind of address. */
  readonly destinations: readonly (Destination | undefined)[];
}
export interface Destination {
  readonly address: string;
  readonly isTrap: boolean;
  readonly isAcknowledged: boolean;
}

export type TrapChange =
  | { readonly table: 'control' | 'actions'; readonly value: number }
  | { readonly table: 'filter'; readonly selector: number; readonly entry: EventFilter }
  | { readonly table: 'policy'; readonly selector: number; readonly entry: AlertPolicy }
  | { readonly table: 'destination'; readonly selector: number; readonly address: string };

export const NO_ADDRESS = '0.0.0.0';
const POLICIES = Array.from({ length: 15 }, (_each, at) => at + 1);

const isAlerting = ({ isEnabled, actions }: EventFilter) => isEnabled && (actions & PEF_ACTION.alert) !== 0;
export const alertingFilters = (filters: readonly EventFilter[]): readonly EventFilter[] => filters.filter(isAlerting);

/** The changes in the order in which they take effect without a gap, or the table that has no room. */
export function planEnrolment(tables: TrapTables, address: string, channel: number): readonly TrapChange[] | { readonly lacks: string } {
  const { filters, policies, destinations } = tables;
  const known = destinations.findIndex((each) => each?.address === address && each.isTrap && each.isAcknowledged);
  const slot = known >= 0 ? known : destinations.findIndex((each) => each?.address === address || each?.address === NO_ADDRESS);
  if (slot < 0) return { lacks: 'destinations' };
  const destination = slot + 1;
  const changes: TrapChange[] = known >= 0 ? [] : [{ table: 'destination', selector: destination, address }];

  const everything = filters.findIndex((each) => isAlerting(each) && each.match.equals(MATCH_EVERYTHING));
  const free = filters.findIndex((each) => !each.isEnabled && !each.isFixed);
  if (everything < 0 && free < 0) return { lacks: 'event filters' };
  const used = new Set([...alertingFilters(filters), ...policies.filter(({ isEnabled }) => isEnabled)].map(({ policy }) => policy));
  const ours = everything >= 0 ? filters[everything]!.policy : POLICIES.findLast((number) => !used.has(number));
  if (ours === undefined) return { lacks: 'policy numbers' };

  // When several filters match, the policy with the lowest number is the only one that is carried out (§17.3).
  const wanted = [...new Set([...alertingFilters(filters).map(({ policy }) => policy), ours])];
  const tells = (policy: number) =>
    policies.some(
      (each) => each.isEnabled && each.policy === policy && each.channel === channel && each.destination === destination && each.rule === 0,
    );
  const room = policies.flatMap((each, at) => (each.isEnabled ? [] : [at + 1]));
  for (const policy of wanted.filter((each) => !tells(each))) {
    const selector = room.shift();
    if (selector === undefined) return { lacks: 'alert policies' };
    changes.push({ table: 'policy', selector, entry: { isEnabled: true, policy, rule: 0, channel, destination, string: 0 } });
  }
  if (everything < 0) {
    const entry = { isEnabled: true, isFixed: false, actions: PEF_ACTION.alert, policy: ours, severity: 0, match: MATCH_EVERYTHING };
    changes.push({ table: 'filter', selector: free + 1, entry });
  }
  if ((tables.actions & PEF_ACTION.alert) === 0) changes.push({ table: 'actions', value: tables.actions | PEF_ACTION.alert });
  if ((tables.control & PEF_ENABLED) === 0) changes.push({ table: 'control', value: tables.control | PEF_ENABLED });
  return changes;
}

/** Its policies end before its address goes; filters stay, since others may be told by them too. */
export function planWithdrawal(tables: TrapTables, address: string, channel: number): readonly TrapChange[] {
  const selectors = new Set(tables.destinations.flatMap((each, at) => (each?.address === address ? [at + 1] : [])));
  const policies = tables.policies.flatMap((each, at): TrapChange[] =>
    each.isEnabled && each.channel === channel && selectors.has(each.destination)
      ? [{ table: 'policy', selector: at + 1, entry: { ...each, isEnabled: false } }]
      : [],
  );
  return [...policies, ...[...selectors].map((selector): TrapChange => ({ table: 'destination', selector, address: NO_ADDRESS }))];
}
