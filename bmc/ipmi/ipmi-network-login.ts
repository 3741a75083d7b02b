import { BmcError } from '../capability.ts';
import type { CipherSuiteAccess, NetworkLogin, NetworkLoginCalls, NetworkLoginChange } from '../network-login.ts';
import {
  ACCESS_COPY,
  decodeChannelAccess,
  getChannelAccess,
  setChannelAccess,
  SUITE_PRIVILEGE_BYTES,
  suitePrivilege,
  SUITES_MAX,
  withSuitePrivilege,
} from './channel-access-codec.ts';
import { CIPHER_SUITES } from './cipher-suite-codec.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeLanParameter, getLanParameter, type LanParameterName, setLanParameter } from './lan-config-codec.ts';
import { PRIVILEGE, privilegeName } from './session-command-codec.ts';

/** Channel access and the rights of cipher suites. */
export const ipmiNetworkLogin = (host: string, endpoint: IpmiEndpoint): NetworkLoginCalls => ({
  networkLogin: (signal) => read(endpoint, signal),
  setNetworkLogin: (change, signal) => write(host, endpoint, change, signal),
});

const parameter = async (endpoint: IpmiEndpoint, name: LanParameterName, sizeBytes: number, signal: AbortSignal): Promise<Buffer> => {
  const channel = await endpoint.channel(signal);
  return endpoint.ask(getLanParameter(channel, name), (data) => decodeLanParameter(data, sizeBytes), signal);
};

interface Suites {
  readonly ids: readonly number[];
  readonly privileges: Buffer;
}

async function readSuites(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<Suites> {
  const count = Math.min((await parameter(endpoint, 'suiteCount', 1, signal))[0]! & 0x1f, SUITES_MAX);
  const ids = (await parameter(endpoint, 'suites', 1 + count, signal)).subarray(1);
  return { ids: [...ids], privileges: await parameter(endpoint, 'suitePrivileges', SUITE_PRIVILEGE_BYTES, signal) };
}

const isWeak = (suite: number): boolean => !(suite in CIPHER_SUITES);

async function read(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<NetworkLogin> {
  const channel = await endpoint.channel(signal);
  const { mode, limit } = await endpoint.ask(getChannelAccess(channel, ACCESS_COPY.present), decodeChannelAccess, signal);
  const { ids, privileges } = await readSuites(endpoint, signal);
  const cipherSuites = ids.map((suite, at): CipherSuiteAccess => {
    return { suite, privilege: privilegeName(suitePrivilege(privileges, at)), isWeak: isWeak(suite) };
  });
  return { access: mode, privilegeLimit: privilegeName(limit), cipherSuites };
}

async function write(host: string, endpoint: IpmiEndpoint, change: NetworkLoginChange, signal: AbortSignal): Promise<void> {
  const { access, privilegeLimit, closesWeakSuites = false } = change;
  // This is the way that we come.
  if (access === 'disabled' || (privilegeLimit !== undefined && privilegeLimit !== 'administrator'))
    throw new BmcError(
      'refused',
      `${host}: with IPMI over LAN ${access === 'disabled' ? 'switched off' : `limited to ${privilegeLimit}`} this control plane is locked out`,
      'Give the node a Redfish address and take its IPMI address away first, then change it at the BMC.',
    );
  const channel = await endpoint.channel(signal);
  if (access !== undefined || privilegeLimit !== undefined)
    for (const copy of [ACCESS_COPY.stored, ACCESS_COPY.present]) {
      const now = await endpoint.ask(getChannelAccess(channel, copy), decodeChannelAccess, signal);
      const limit = privilegeLimit === undefined ? now.limit : PRIVILEGE[privilegeLimit];
      await endpoint.call(setChannelAccess(channel, copy, { ...now, mode: access ?? now.mode, limit }), signal);
    }
  if (!closesWeakSuites) return;
  const { ids, privileges } = await readSuites(endpoint, signal);
  if (!ids.some((suite, at) => !isWeak(suite) && suitePrivilege(privileges, at) === PRIVILEGE.administrator))
    throw new BmcError(
      'refused',
      `${host}: no cipher suite of ${Object.keys(CIPHER_SUITES).join(' and ')} lets administrators in, so the weak ones are all there is`,
      'Allow cipher suite 17 or 3 for administrators at the BMC first.',
    );
  const closed = ids.reduce((bytes, suite, at) => (isWeak(suite) ? withSuitePrivilege(bytes, at, 0) : bytes), privileges);
  if (!closed.equals(privileges)) await endpoint.call(setLanParameter(channel, 'suitePrivileges', closed), signal);
}
