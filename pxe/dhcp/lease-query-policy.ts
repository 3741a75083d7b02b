import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import { type MacAddress, macAddressFromBytes, macAddressToBytes } from '../../core/base/mac-address.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { addressInRange, type IndexedSubnet, type ModelIndex, subnetOfAddress } from '../model/model-index.ts';
import type { LeaseTable } from '../lease/lease-table.ts';
import { BOOT_REPLY, type DhcpMessage } from './dhcp-message-codec.ts';
import { decodeUint32, encodeUint32, encodeUint8, MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';

/** RFC 4388: who has this address, and which addresses has this client? For relays that lost their memory. */
export interface LeaseQueryContext {
  readonly index: ModelIndex;
  readonly leases: Pick<LeaseTable, 'lease' | 'addressOfClient' | 'records'>;
  readonly nowMs: number;
}

export type LeaseQueryAnswer =
  | {
      readonly kind: 'answer';
      readonly message: DhcpMessage;
      readonly type: 'unassigned' | 'unknown' | 'active';
      readonly relay: number;
      readonly why: string;
    }
  | { readonly kind: 'refused'; readonly reason: 'not-allowed' | 'no-relay' | 'unclear'; readonly why: string };

/** Of one client, told in option 92; more are an attack on whoever stores them. */
const ASSOCIATED_MAX = 32;

interface Found {
  readonly lease: LeaseRecord;
  readonly address: number;
  readonly subnet: IndexedSubnet;
}

export const isLeaseQuery = (request: DhcpMessage): boolean => request.options.get(OPTION.messageType)?.[0] === MESSAGE_TYPE.leaseQuery;

/** RFC 4388 §6.1: exactly one of three things is asked after. */
function askedFor(request: DhcpMessage): { address: number } | { mac: MacAddress } | { clientId: string } | undefined {
  const clientId = request.options.get(OPTION.clientIdentifier);
  const mac = request.htype !== 0 && request.chaddr.length === 6 ? macAddressFromBytes(request.chaddr) : undefined;
  const given = [request.ciaddr !== 0, mac !== undefined, clientId !== undefined].filter(Boolean).length;
  if (given !== 1) return undefined;
  if (request.ciaddr !== 0) return { address: request.ciaddr };
  return mac === undefined ? { clientId: clientId!.toString('hex') } : { mac };
}

function findActive({ index, leases, nowMs }: LeaseQueryContext, address: number): Found | undefined {
  const lease = leases.lease(address);
  const subnet = subnetOfAddress(index, address);
  return lease?.state === 'bound' && lease.expiresAtMs > nowMs && subnet ? { lease, address, subnet } : undefined;
}

const numberOf = (lease: LeaseRecord): number => lease.ipAddress.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

function findAll(context: LeaseQueryContext, asked: NonNullable<ReturnType<typeof askedFor>>): Found[] {
  const { index, leases } = context;
  const addresses =
    'address' in asked
      ? [asked.address]
      : 'mac' in asked
        ? index.subnets.map(({ subnet }) => leases.addressOfClient(subnet.id, asked.mac))
        : // A walk through all: only relays that are allowed to may ask for it.
          leases.records().flatMap((lease) => (lease.clientId === asked.clientId ? [numberOf(lease)] : []));
  return addresses
    .flatMap((address) => (address === undefined ? [] : (findActive(context, address) ?? [])))
    .toSorted((a, b) => b.lease.sequence - a.lease.sequence)
    .slice(0, ASSOCIATED_MAX);
}

function activeOptions({ lease, subnet }: Found, all: readonly Found[], nowMs: number): [number, Buffer][] {
  const left = Math.floor((lease.expiresAtMs - nowMs) / 1000);
  const { leaseSeconds } = subnet.subnet;
  const sinceLast = Math.max(0, leaseSeconds - left);
  return [
    [OPTION.leaseTime, encodeUint32(left)],
    [OPTION.renewalTime, encodeUint32(Math.max(0, Math.floor(leaseSeconds / 2) - sinceLast))],
    [OPTION.rebindingTime, encodeUint32(Math.max(0, Math.floor((leaseSeconds * 7) / 8) - sinceLast))],
    ...(lease.clientId === undefined ? [] : [[OPTION.clientIdentifier, Buffer.from(lease.clientId, 'hex')] as [number, Buffer]]),
    [OPTION.clientLastTransactionTime, encodeUint32(sinceLast)],
    [OPTION.associatedAddress, Buffer.concat(all.map(({ address }) => encodeUint32(address)))],
  ];
}

const isManaged = ({ index }: LeaseQueryContext, address: number): boolean => {
  const subnet = subnetOfAddress(index, address);
  const ranges = subnet ? [...subnet.pools, ...(subnet.discoveryPool ? [subnet.discoveryPool] : [])] : [];
  return index.hostByReservedAddress.has(address) || ranges.some((range) => addressInRange(address, range));
};

const TYPE = { unassigned: MESSAGE_TYPE.leaseUnassigned, unknown: MESSAGE_TYPE.leaseUnknown, active: MESSAGE_TYPE.leaseActive } as const;

export function answerLeaseQuery(request: DhcpMessage, context: LeaseQueryContext): LeaseQueryAnswer {
  const { index, nowMs } = context;
  const who = ipv4FromNumber(request.giaddr);
  if (request.giaddr === 0) return { kind: 'refused', reason: 'no-relay', why: 'a lease query that names no relay to answer to' };
  if (!index.leaseQueriesFrom.has(request.giaddr))
    return { kind: 'refused', reason: 'not-allowed', why: `relay ${who} asks who has an address, which it is not allowed to` };
  const asked = askedFor(request);
  if (asked === undefined)
    return { kind: 'refused', reason: 'unclear', why: `relay ${who} asks for none or several of address, MAC and client identifier` };
  const all = findAll(context, asked);
  const [found] = all;
  const type = found ? 'active' : 'address' in asked && isManaged(context, asked.address) ? 'unassigned' : 'unknown';
  const server = found?.subnet.server ?? index.subnets[0]?.server ?? 0;
  const requested = decodeUint32(request.options.get(OPTION.serverIdentifier));
  const options = new Map<number, Buffer>([
    [OPTION.messageType, encodeUint8(TYPE[type])],
    [OPTION.serverIdentifier, encodeUint32(requested !== undefined && index.ownAddresses.has(requested) ? requested : server)],
    ...(found ? activeOptions(found, all, nowMs) : []),
  ]);
  const message: DhcpMessage = {
    ...request,
    op: BOOT_REPLY,
    hops: 0,
    secs: 0,
    ciaddr: found?.address ?? request.ciaddr,
    ...(found ? { htype: 1, chaddr: macAddressToBytes(found.lease.mac) } : {}),
    sname: '',
    file: '',
    options,
  };
  return {
    kind: 'answer',
    message,
    type,
    relay: request.giaddr,
    why: found ? `${found.lease.ipAddress} is ${found.lease.mac}’s` : `nobody (${type})`,
  };
}
