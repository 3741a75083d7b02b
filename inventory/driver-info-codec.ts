import type { Json, JsonObject } from '../core/base/json.ts';
import type { Sealer } from '../core/base/sealer-codec.ts';
import { Secret } from '../core/base/secret.ts';
import type { TlsIdentity } from '../core/base/tls-identity.ts';
import type { BmcAddress } from '../bmc/capability.ts';
import { DRIVERS, FAKE_DRIVER } from './driver-table.ts';
import { parseDelay } from './fake-hardware.ts';

/**
 * `driver_info` as clients write it, with Ironic's key names. Keys that end in `password` are taken out before anything is
 * stored or shown; they come back only inside the addresses that a flow hands to a BMC client.
 */
export const MASK = '******';
const isSecretKey = (key: string) => key.endsWith('password');

export interface SplitDriverInfo {
  readonly shown: JsonObject;
  /** Sealed JSON of the secret keys, null when there are none. */
  readonly sealed: string | null;
}

/** Masked values in the input mean "as before": clients send back what they read. */
export function splitDriverInfo(info: JsonObject, previousSealed: string | null, sealer: Sealer): SplitDriverInfo {
  const previous = openSecrets(previousSealed, sealer);
  const shown: JsonObject = {};
  const secrets: Record<string, string> = {};
  for (const [key, value] of Object.entries(info)) {
    if (!isSecretKey(key)) {
      shown[key] = value;
      continue;
    }
    const secret = value === MASK ? previous[key] : String(value);
    if (secret === undefined) continue;
    secrets[key] = secret;
    shown[key] = MASK;
  }
  return { shown, sealed: Object.keys(secrets).length === 0 ? null : sealer.seal(JSON.stringify(secrets)) };
}

const openSecrets = (sealed: string | null, sealer: Sealer): Record<string, string> =>
  sealed === null ? {} : (JSON.parse(sealer.open(sealed)) as Record<string, string>);

/** Kept beside the others while a BMC is told of it: no client sees it, and none can name it. */
const NEXT = 'next password';
const BMC_PASSWORDS = ['ipmi_password', 'redfish_password'];

export const nextPassword = (sealed: string | null, sealer: Sealer): string | undefined => openSecrets(sealed, sealer)[NEXT];

export const withNextPassword = (sealed: string | null, sealer: Sealer, password: string): string =>
  sealer.seal(JSON.stringify({ ...openSecrets(sealed, sealer), [NEXT]: password }));

/** The next password is the one of every account on the BMC, and no other is kept. */
export function adoptNextPassword(sealed: string | null, sealer: Sealer): string {
  const { [NEXT]: next, ...secrets } = openSecrets(sealed, sealer);
  const changed = Object.entries(secrets).map(([key, value]) => [key, BMC_PASSWORDS.includes(key) ? (next ?? value) : value]);
  return sealer.seal(JSON.stringify(Object.fromEntries(changed)));
}

const NEXT_CERTIFICATE = 'next certificate';

/** Without a key: the BMC made it, and keeps it. */
export type NextCertificate = Pick<TlsIdentity, 'certificatePem'> & Partial<TlsIdentity>;

export function nextCertificate(sealed: string | null, sealer: Sealer): NextCertificate | undefined {
  const kept = openSecrets(sealed, sealer)[NEXT_CERTIFICATE];
  return kept === undefined ? undefined : (JSON.parse(kept) as NextCertificate);
}

export const withNextCertificate = (sealed: string | null, sealer: Sealer, next: NextCertificate): string =>
  sealer.seal(JSON.stringify({ ...openSecrets(sealed, sealer), [NEXT_CERTIFICATE]: JSON.stringify(next) }));

export function withoutNextCertificate(sealed: string | null, sealer: Sealer): string {
  const { [NEXT_CERTIFICATE]: _next, ...secrets } = openSecrets(sealed, sealer);
  return sealer.seal(JSON.stringify(secrets));
}

const text = (value: Json | undefined): string | undefined =>
  value === undefined || value === null || value === '' ? undefined : String(value);

/** What is wrong with a driver's `driver_info`, one sentence each; empty when a BMC can be addressed. */
export function checkDriverInfo(driver: string, info: JsonObject): string[] {
  const missing = (keys: string[]) => keys.filter((key) => text(info[key]) === undefined).map((key) => `driver_info/${key} is missing`);
  if (driver === 'ipmi') return missing(['ipmi_address', 'ipmi_username', 'ipmi_password']);
  if (driver === 'redfish') {
    const problems = missing(['redfish_address', 'redfish_username', 'redfish_password']);
    const address = text(info['redfish_address']);
    if (address !== undefined && !URL.canParse(address.includes('://') ? address : `https://${address}`))
      problems.push(`driver_info/redfish_address is not a URL: ${address}`);
    return problems;
  }
  if (driver === FAKE_DRIVER) {
    return Object.entries(info)
      .filter(([key, value]) => key.endsWith('_delay') && parseDelay(value, 0) === undefined)
      .map(([key, value]) => `driver_info/${key} is neither seconds nor FIRST,LAST in seconds: ${JSON.stringify(value)}`);
  }
  return [`driver "${driver}" is unknown; known: ${[...DRIVERS.keys()].join(', ')}`];
}

/** In the order in which they shall be tried: the driver's own protocol first. */
export function bmcAddresses(
  node: { uuid?: string; driver: string; driver_info: JsonObject; driver_secrets: string | null },
  sealer: Sealer,
): BmcAddress[] {
  const whose = node.uuid === undefined ? {} : { nodeId: node.uuid };
  const info = node.driver_info;
  const secrets = openSecrets(node.driver_secrets, sealer);
  const addresses: BmcAddress[] = [];
  const redfish = text(info['redfish_address']);
  if (redfish !== undefined) {
    const url = new URL(redfish.includes('://') ? redfish : `https://${redfish}`);
    const systemPath = text(info['redfish_system_id']);
    addresses.push({
      ...whose,
      protocol: 'redfish',
      host: url.hostname,
      port: Number(url.port) || (url.protocol === 'http:' ? 80 : 443),
      scheme: url.protocol === 'http:' ? 'http' : 'https',
      username: text(info['redfish_username']) ?? '',
      password: new Secret(secrets['redfish_password'] ?? ''),
      trust: info['redfish_verify_ca'] === false ? false : (text(info['redfish_verify_ca']) ?? false),
      ...(systemPath === undefined ? {} : { systemPath }),
    });
  }
  const ipmi = text(info['ipmi_address']);
  if (ipmi !== undefined) {
    const suite = Number(info['ipmi_cipher_suite']);
    addresses.push({
      ...whose,
      protocol: 'ipmi',
      host: ipmi,
      port: Number(text(info['ipmi_port']) ?? 623),
      username: text(info['ipmi_username']) ?? '',
      password: new Secret(secrets['ipmi_password'] ?? ''),
      ...(suite === 3 || suite === 17 ? { cipherSuite: suite } : {}),
    });
  }
  return addresses.sort((a, b) => Number(b.protocol === node.driver) - Number(a.protocol === node.driver));
}
