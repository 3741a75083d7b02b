import type { IndexedSubnet6 } from '../model/model-index6.ts';
import type { BootFile } from '../script/boot-file-policy.ts';
import type { Dhcp6ClientFacts } from './dhcp6-client-facts.ts';
import { type Dhcp6Message, type Dhcp6Options, type Dhcp6Packet, encodeDhcp6Options, encodeIpv6 } from './dhcp6-message-codec.ts';
import {
  encodeDomainName,
  encodeDuidUuid,
  encodeIaNa,
  encodeNtpServers,
  encodeStatus,
  encodeVendorClass6,
  type IdentityAssociation,
  MESSAGE6,
  OPTION6,
  options6,
  STATUS6,
} from './dhcp6-option-codec.ts';

/** What one reply says; `subnet` is undefined for an answer that has a status only. */
export interface Reply6Plan {
  readonly type: number;
  readonly request: Dhcp6Message;
  readonly facts: Dhcp6ClientFacts;
  readonly serverUuid: Buffer;
  readonly leaseSeconds: number;
  readonly subnet?: IndexedSubnet6 | undefined;
  readonly bootFile?: BootFile;
  readonly associations: readonly IdentityAssociation[];
  readonly status?: { readonly code: number; readonly message: string };
  readonly isRapid?: boolean;
  /** The client need not wait for other servers (RFC 8415 §18.2.1). */
  readonly isPreferred?: boolean;
}

/** RFC 8415 §14.2: half and four fifths of the preferred lifetime. */
const T1 = 0.5;
const T2 = 0.8;
/** Intel's, which UEFI's PXE and HTTP Boot classes are given under (UEFI 2.10 §24.3). */
const ENTERPRISE_UEFI = 343;
const PREFERENCE_MAX = 255;

export const granted = (iaid: number, address: string, leaseSeconds: number): IdentityAssociation => ({
  iaid,
  t1: Math.floor(leaseSeconds * T1),
  t2: Math.floor(leaseSeconds * T2),
  addresses: [{ address, preferredSeconds: leaseSeconds, validSeconds: leaseSeconds }],
});

export const refused = (iaid: number, code: number, message: string): IdentityAssociation => ({
  iaid,
  t1: 0,
  t2: 0,
  addresses: [],
  status: { code, message },
});

/** Tells the client to let go of its addresses at once (RFC 8415 §18.3.4). */
export const withdrawn = ({ iaid, addresses }: IdentityAssociation): IdentityAssociation => ({
  iaid,
  t1: 0,
  t2: 0,
  addresses: addresses.map(({ address }) => ({ address, preferredSeconds: 0, validSeconds: 0 })),
});

export const serverDuid = (uuid: Buffer): Buffer => encodeDuidUuid(uuid);

/** `file` of a boot file policy that thinks of TFTP paths. */
const bootUrl = (file: string, server: string): string => (/^https?:/.test(file) ? file : `tftp://[${server}]/${file}`);

function networkOptions({ settings }: IndexedSubnet6): [number, Buffer][] {
  const options: [number, Buffer][] = [];
  if (settings.dnsServers.length > 0) options.push([OPTION6.dnsServers, Buffer.concat(settings.dnsServers.map(encodeIpv6))]);
  const names = settings.domainSearch.map(encodeDomainName).filter((name) => name !== undefined);
  if (names.length > 0) options.push([OPTION6.domainList, Buffer.concat(names)]);
  if (settings.ntpServers.length > 0) options.push([OPTION6.ntpServer, encodeNtpServers(settings.ntpServers)]);
  return options;
}

function bootOptions(bootFile: BootFile | undefined, server: string): [number, Buffer][] {
  if (bootFile?.kind !== 'file') return [];
  const url: [number, Buffer] = [OPTION6.bootFileUrl, Buffer.from(bootUrl(bootFile.file, server))];
  return bootFile.vendorClass ? [url, [OPTION6.vendorClass, encodeVendorClass6(ENTERPRISE_UEFI, bootFile.vendorClass)]] : [url];
}

/** Prefixes and temporary addresses are not given out: each that was asked for is told so (RFC 8415 §18.3.2). */
function deniedOptions(request: Dhcp6Message): [number, Buffer][] {
  const deny = (code: number, headBytes: number, status: number, message: string): [number, Buffer][] =>
    options6(request.options, code)
      .filter((value) => value.length >= headBytes)
      .slice(0, 1)
      .map((value) => {
        const head = Buffer.alloc(headBytes);
        value.copy(head, 0, 0, 4);
        return [code, Buffer.concat([head, encodeDhcp6Options([[OPTION6.statusCode, encodeStatus(status, message)]])])];
      });
  return [
    ...deny(OPTION6.iaPd, 12, STATUS6.noPrefixAvail, 'no prefixes are delegated here'),
    ...deny(OPTION6.iaTa, 4, STATUS6.noAddrsAvail, 'no temporary addresses are given here'),
  ];
}

export function composeReply6(plan: Reply6Plan): Dhcp6Message {
  const { facts, request, subnet } = plan;
  const options: [number, Buffer][] = [];
  if (facts.duid) options.push([OPTION6.clientId, facts.duid]);
  options.push([OPTION6.serverId, serverDuid(plan.serverUuid)]);
  if (plan.isRapid) options.push([OPTION6.rapidCommit, Buffer.alloc(0)]);
  if (plan.isPreferred && plan.type === MESSAGE6.advertise) options.push([OPTION6.preference, Buffer.from([PREFERENCE_MAX])]);
  if (plan.status) options.push([OPTION6.statusCode, encodeStatus(plan.status.code, plan.status.message)]);
  for (const association of plan.associations) options.push([OPTION6.iaNa, encodeIaNa(association)]);
  if (subnet) options.push(...bootOptions(plan.bootFile, subnet.server), ...networkOptions(subnet), ...deniedOptions(request));
  if (request.type === MESSAGE6.informationRequest) {
    const seconds = Buffer.alloc(4);
    seconds.writeUInt32BE(plan.leaseSeconds);
    options.push([OPTION6.informationRefreshTime, seconds]);
  }
  return { type: plan.type, transaction: request.transaction, options };
}

const ECHOED: readonly number[] = [OPTION6.interfaceId];

/** The envelopes of the request around the reply (RFC 8415 §19.3): each relay finds its client by what it wrote on it. */
export const replyPacket = (request: Dhcp6Packet, message: Dhcp6Message): Dhcp6Packet =>
  request.relays.length === 0
    ? { relays: [], message }
    : {
        relays: request.relays.map((relay) => ({ ...relay, options: echoed(relay.options) })),
        envelope: 'reply',
        message,
      };

const echoed = (options: Dhcp6Options): Dhcp6Options => options.filter(([code]) => ECHOED.includes(code));
