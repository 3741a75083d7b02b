import { badInput, conflict, NetworkError } from '../network-error.ts';

/** Pure rules of a port's lists. */
export interface AddressPair {
  readonly ip_address: string;
  readonly mac_address?: string;
}
const PAIRS_MAX = 10;

/** A pair without a MAC address means the port's. @throws NetworkError 400 */
export function addressPairs(pairs: readonly AddressPair[], mac: string): AddressPair[] {
  if (pairs.length > PAIRS_MAX)
    throw new NetworkError(400, 'AllowedAddressPairExhausted', `The number of allowed address pair exceeds the maximum ${PAIRS_MAX}.`);
  const seen = new Set<string>();
  return pairs.map((pair) => {
    const full = { mac_address: pair.mac_address ?? mac, ip_address: pair.ip_address };
    const key = `${full.mac_address} ${full.ip_address}`;
    if (seen.has(key))
      throw new NetworkError(
        400,
        'DuplicateAddressPairInRequest',
        `Request contains duplicate address pair: mac_address ${full.mac_address} ip_address ${full.ip_address}.`,
      );
    seen.add(key);
    return full;
  });
}

export interface DhcpOption {
  readonly opt_name: string;
  readonly opt_value: string | null;
  readonly ip_version?: number;
}

/** Options are added or changed one by one; one without a value goes. @throws NetworkError 400 */
export function dhcpOptions(before: readonly DhcpOption[], changes: readonly DhcpOption[]): DhcpOption[] {
  const byKey = new Map(before.map((option) => [keyOf(option), option]));
  for (const option of changes) {
    if (option.ip_version !== undefined && option.ip_version !== 4 && option.ip_version !== 6)
      throw badInput(`extra_dhcp_opts: '${option.ip_version}' is not in [4, 6]`);
    if (option.opt_value === null) byKey.delete(keyOf(option));
    else byKey.set(keyOf(option), { opt_name: option.opt_name, opt_value: option.opt_value, ip_version: option.ip_version ?? 4 });
  }
  return [...byKey.values()];
}
const keyOf = (option: DhcpOption) => `${option.opt_name} ${option.ip_version ?? 4}`;

export interface SecurityFacts {
  readonly isSecure: boolean;
  readonly hasIp: boolean;
  readonly groups: readonly string[];
  readonly pairs: readonly unknown[];
}

/** Groups and address pairs mean something only where addresses are checked. @throws NetworkError 400, 409 */
export function requireSecurityFits({ isSecure, groups, pairs }: SecurityFacts): void {
  if (groups.length > 0 && !isSecure)
    throw new NetworkError(
      400,
      'PortSecurityAndIPRequiredForSecurityGroups',
      'Port security must be enabled and port must have an IP address in order to use security groups.',
    );
  if (pairs.length > 0 && !isSecure)
    throw conflict('AddressPairAndPortSecurityRequired', 'Port Security must be enabled in order to have allowed address pairs on a port.');
}
