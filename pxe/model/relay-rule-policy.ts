import { ipv4InCidr } from '../../core/base/ipv4-address.ts';
import type { RelayRule } from '../boot-model.ts';
import type { AddressRange, IndexedSubnet } from './model-index.ts';

/** A rule with what it names looked up. */
export interface IndexedRelayRule {
  readonly rule: RelayRule;
  readonly subnet?: IndexedSubnet;
  readonly pool?: AddressRange;
}

/** What a relay said of the port that a client is on, in the words of the rules. */
export interface RelayPort {
  readonly circuitId?: string;
  readonly remoteId?: string;
  readonly network?: string;
}

const matches = (pattern: string | undefined, text: string | undefined): boolean => {
  if (pattern === undefined) return true;
  if (text === undefined) return false;
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
};

/** The first rule that fits. One that names no network fits clients of the global one only: addresses of others may be the same. */
export const findRelayRule = (rules: readonly IndexedRelayRule[], port: RelayPort): IndexedRelayRule | undefined =>
  rules.find(
    ({ rule }) =>
      matches(rule.circuitId, port.circuitId) && matches(rule.remoteId, port.remoteId) && (rule.vpn ?? '') === (port.network ?? ''),
  );

export function indexRelayRules(
  rules: readonly RelayRule[],
  subnets: readonly IndexedSubnet[],
  indexRange: (range: readonly [string, string], subnet: IndexedSubnet) => AddressRange | string,
  problems: string[],
): IndexedRelayRule[] {
  return rules.flatMap((rule) => {
    const named = rule.subnetId === undefined ? undefined : subnets.find((s) => s.subnet.id === rule.subnetId);
    if (rule.subnetId !== undefined && named === undefined) {
      problems.push(`relay rule for rack ${rule.rack}: there is no subnet ${rule.subnetId}; the rule is not used`);
      return [];
    }
    if (rule.pool === undefined) return [{ rule, ...(named ? { subnet: named } : {}) }];
    const fits = (named ? [named] : subnets).map((subnet) => indexRange(rule.pool!, subnet)).find((range) => typeof range !== 'string');
    const home = fits && subnets.find((s) => ipv4InCidr(fits.first, s.cidr));
    if (fits === undefined || home === undefined) {
      problems.push(`relay rule for rack ${rule.rack}: pool ${rule.pool.join('-')} lies in no subnet of its own; the rule is not used`);
      return [];
    }
    return [{ rule, pool: fits, subnet: named ?? home }];
  });
}
