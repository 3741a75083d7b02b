import type { BootHost } from '../boot-model.ts';
import { type LeaseDraft, WITHDRAWN } from '../dhcp/dhcp-exchange.ts';
import { type Address6Wish, chooseAddress6, firstAddresses6, refuseAddress6 } from '../lease/address6-choice-policy.ts';
import { isActive, type LeaseView, QUARANTINE_MS } from '../lease/lease-table.ts';
import type { MacAddress } from '../../core/base/mac-address.ts';
import { type IndexedSubnet, type ModelIndex, needsSigned } from '../model/model-index.ts';
import { type IndexedSubnet6, inRange6 } from '../model/model-index6.ts';
import { chooseBootFile } from '../script/boot-file-policy.ts';
import { type Dhcp6ClientFacts, readClientFacts6 } from './dhcp6-client-facts.ts';
import type { AnswerView } from '../sharing/answer-book.ts';
import type { Dhcp6Packet } from './dhcp6-message-codec.ts';
import { identifierText } from '../dhcp/relay-information-codec.ts';
import { findRelayRule, type IndexedRelayRule } from '../model/relay-rule-policy.ts';
import { type IdentityAssociation, MESSAGE6, option6, OPTION6, STATUS6 } from './dhcp6-option-codec.ts';
import { composeReply6, granted, refused, replyPacket, serverDuid, withdrawn } from './dhcp6-reply-policy.ts';

/**
 * The server's side of RFC 8415 §18.3 as one pure decision. Deliberately different from the letter: a client is the MAC of its
 * port, not its DUID and IAID, so that firmware, iPXE and system of one machine share one address, and a second IA_NA in a
 * message gets none; prefixes and temporary addresses are not given out; a message that was sent to our own address is answered too.
 */
export interface Dhcp6Context {
  readonly index: ModelIndex;
  readonly leases: LeaseView<string>;
  /** The interface that the packet came in on; undefined for one that was routed to us. */
  readonly interface?: string | undefined;
  /** Sender's address without its zone. */
  readonly source: string;
  readonly neighbour?: MacAddress | undefined;
  readonly httpPort: number;
  readonly nowMs: number;
  /** Absent: no other boot server serves these networks. */
  readonly answers?: AnswerView | undefined;
}

export type Silence6Reason =
  | 'not-a-request'
  | 'unusable-request'
  | 'no-link-layer-address'
  | 'no-subnet'
  | 'stranger-not-answered'
  | 'network-withdrawn'
  | 'declines-too-often'
  | 'other-server-chosen'
  | 'no-record-of-client'
  | 'left-to-peer'
  | 'peer-chosen'
  | 'address-of-peer';

export interface Dhcp6Reply {
  readonly kind: 'reply';
  readonly type: 'advertise' | 'reply';
  readonly packet: Dhcp6Packet;
  readonly facts: Dhcp6ClientFacts;
  readonly host: BootHost | undefined;
  readonly address?: string | undefined;
  readonly hold?: string;
  readonly rack?: string | undefined;
  /** The boot server that should have answered. */
  readonly inPlaceOf?: string;
  /** What must be durable before the reply leaves. */
  readonly leases: readonly LeaseDraft[];
  readonly why: string;
  readonly severity?: 'warning';
  readonly exhausted?: readonly string[];
}

export interface Dhcp6Silence {
  readonly kind: 'silence';
  readonly reason: Silence6Reason;
  readonly why: string;
  readonly facts?: Dhcp6ClientFacts;
  readonly host?: BootHost | undefined;
  /** The boot server that is to answer. */
  readonly leftTo?: string;
  readonly leases: readonly [];
}

/** A client that declines everything would otherwise put a whole pool in quarantine. */
const DECLINES_PER_CLIENT_MAX = 8;

/** A subnet of the model with its IPv6 side. */
interface Served {
  readonly subnet: IndexedSubnet;
  readonly ipv6: IndexedSubnet6;
}

interface Exchange extends Dhcp6Context {
  readonly packet: Dhcp6Packet;
  readonly facts: Dhcp6ClientFacts;
  readonly host: BootHost | undefined;
  readonly served: readonly Served[];
  readonly rack: string | undefined;
}

const silence = (exchange: Pick<Exchange, 'facts' | 'host'>, reason: Silence6Reason, why: string): Dhcp6Silence => ({
  kind: 'silence',
  reason,
  why,
  facts: exchange.facts,
  host: exchange.host,
  leases: [],
});

/** The rule for the port that the nearest relay names by its options 18 and 37. */
function ruleOf({ index }: Dhcp6Context, packet: Dhcp6Packet): IndexedRelayRule | undefined {
  const nearest = packet.relays.at(-1);
  if (nearest === undefined) return undefined;
  const [circuit, remote] = [option6(nearest.options, OPTION6.interfaceId), option6(nearest.options, OPTION6.remoteId)];
  return findRelayRule(index.relayRules, {
    ...(circuit ? { circuitId: identifierText(circuit) } : {}),
    ...(remote && remote.length > 4 ? { remoteId: identifierText(remote.subarray(4)) } : {}),
  });
}

/** By the rule for its port, the link of the relay that is nearest to the client and knows it (RFC 8415 §13.1), else by interface, else by its address. */
function findServed(context: Dhcp6Context, packet: Dhcp6Packet, rule: IndexedRelayRule | undefined): readonly Served[] {
  const all = context.index.subnets.flatMap((subnet) => (subnet.ipv6 ? [{ subnet, ipv6: subnet.ipv6 }] : []));
  const ruled = all.find(({ subnet }) => subnet === rule?.subnet);
  if (ruled) return [ruled];
  const holding = (address: string) => all.filter(({ ipv6 }) => inRange6(address, ipv6.range));
  if (packet.relays.length === 0)
    return context.interface === undefined
      ? holding(context.source)
      : all.filter(({ subnet }) => subnet.subnet.interface === context.interface);
  const link = packet.relays.findLast((relay) => relay.link !== '::')?.link;
  return link === undefined ? [] : holding(link);
}

const wishOf = ({ facts, host, nowMs }: Exchange, { subnet, ipv6 }: Served): Address6Wish => ({
  subnetId: subnet.subnet.id,
  subnet: ipv6,
  mac: facts.mac,
  host,
  nowMs,
});

function draftLease({ facts, nowMs }: Exchange, { subnet }: Served, ipAddress: string, state: LeaseDraft['state']): LeaseDraft {
  const milliseconds = state === 'declined' ? QUARANTINE_MS : state === 'bound' ? subnet.subnet.leaseSeconds * 1000 : 0;
  return {
    ipAddress,
    mac: facts.mac,
    subnetId: subnet.subnet.id,
    state,
    expiresAtMs: nowMs + milliseconds,
    ...(facts.duid === undefined ? {} : { clientId: facts.duid.toString('hex') }),
    ...(facts.hostname === undefined ? {} : { hostname: facts.hostname }),
    ...(facts.firmware.architecture === undefined ? {} : { architecture: facts.firmware.architecture }),
  };
}

interface Outcome {
  readonly type: 'advertise' | 'reply';
  readonly served: Served;
  readonly associations: readonly IdentityAssociation[];
  readonly why: string;
  readonly address?: string | undefined;
  readonly leases?: readonly LeaseDraft[];
  readonly status?: { readonly code: number; readonly message: string };
  readonly isRapid?: boolean;
  readonly severity?: 'warning';
  readonly exhausted?: readonly string[];
}

function reply(exchange: Exchange, outcome: Outcome): Dhcp6Reply {
  const { facts, host, index, packet } = exchange;
  const { served, type, associations, address } = outcome;
  const bootFile = chooseBootFile(
    facts.firmware,
    facts.mac,
    `http://[${served.ipv6.server}]:${exchange.httpPort}`,
    needsSigned(host, served.subnet),
  );
  const message = composeReply6({
    type: MESSAGE6[type],
    request: packet.message,
    facts,
    serverUuid: index.serverUuid,
    leaseSeconds: served.subnet.subnet.leaseSeconds,
    subnet: served.ipv6,
    bootFile,
    associations,
    ...(outcome.status ? { status: outcome.status } : {}),
    isRapid: outcome.isRapid ?? false,
    isPreferred: host !== undefined,
  });
  return {
    kind: 'reply',
    type,
    packet: replyPacket(packet, message),
    facts,
    host,
    address,
    rack: exchange.rack,
    leases: outcome.leases ?? [],
    ...(type === 'advertise' && address !== undefined ? { hold: address } : {}),
    ...(outcome.severity ? { severity: outcome.severity } : {}),
    ...(outcome.exhausted ? { exhausted: outcome.exhausted } : {}),
    why: bootFile.kind === 'file' ? `${outcome.why}; ${bootFile.why}` : outcome.why,
  };
}

const isServed = ({ host, served }: Exchange): boolean => host !== undefined || served.some(({ ipv6 }) => ipv6.discoveryPool !== undefined);

/** The lease, and the end of the one that the client had before. */
function bind(exchange: Exchange, served: Served, address: string): LeaseDraft[] {
  const { leases, facts, nowMs } = exchange;
  const before = leases.addressOfClient(served.subnet.subnet.id, facts.mac);
  const old = before === undefined || before === address ? undefined : leases.lease(before);
  const released = isActive(old, nowMs) ? [{ ...old, state: 'released' as const, expiresAtMs: nowMs }] : [];
  return [...released, draftLease(exchange, served, address, 'bound')];
}

/** Answers SOLICIT and REQUEST: an address for the first association, none for the others. */
function assign(exchange: Exchange, type: 'advertise' | 'reply', isRapid: boolean): Dhcp6Reply {
  const { facts, index, leases } = exchange;
  const [first, ...others] = facts.associations;
  const refusedOthers = others.map(({ iaid }) => refused(iaid, STATUS6.noAddrsAvail, 'one address for each port'));
  for (const served of exchange.served) {
    if (first === undefined) break;
    const requested = first.addresses[0]?.address;
    const address = chooseAddress6(index, leases, { ...wishOf(exchange, served), requested });
    if (address === undefined) continue;
    const { leaseSeconds } = served.subnet.subnet;
    return reply(exchange, {
      type,
      served,
      address,
      isRapid,
      associations: [granted(first.iaid, address, leaseSeconds), ...refusedOthers],
      leases: type === 'reply' ? bind(exchange, served, address) : [],
      why: index.reservedAddress6ByMac.get(facts.mac) === address ? `${address}, its reservation` : address,
    });
  }
  const served = exchange.served[0]!;
  if (first === undefined) return reply(exchange, { type, served, associations: [], why: 'settings only' });
  return reply(exchange, {
    type,
    served,
    associations: [refused(first.iaid, STATUS6.noAddrsAvail, 'no address is left'), ...refusedOthers],
    why: `no IPv6 address is left on subnet ${served.subnet.subnet.id} for ${facts.mac}; enlarge a pool or shorten the lease time`,
    severity: 'warning',
    exhausted: exchange.served.flatMap((each) => firstAddresses6(wishOf(exchange, each))),
  });
}

function answerSolicit(exchange: Exchange): Dhcp6Reply | Dhcp6Silence {
  const { facts, leases, nowMs } = exchange;
  if (leases.declinesOf(facts.mac, nowMs) >= DECLINES_PER_CLIENT_MAX)
    return silence(exchange, 'declines-too-often', `${facts.mac} declined ${DECLINES_PER_CLIENT_MAX} IPv6 addresses within an hour`);
  return facts.hasRapidCommit && facts.associations.length > 0 ? assign(exchange, 'reply', true) : assign(exchange, 'advertise', false);
}

const statusOnly = (exchange: Exchange, code: number, message: string, why: string): Dhcp6Reply =>
  reply(exchange, { type: 'reply', served: exchange.served[0]!, associations: [], status: { code, message }, why });

/** RENEW and REBIND: what the client holds goes on; what it may hold, it gets back after a lost journal. */
function extend(exchange: Exchange, isRebind: boolean): Dhcp6Reply | Dhcp6Silence {
  const { facts, index, leases, nowMs } = exchange;
  const [first, ...others] = facts.associations;
  if (first === undefined) return silence(exchange, 'unusable-request', `${facts.mac} wants to go on with nothing`);
  const asked = first.addresses[0]?.address;
  if (asked === undefined) return assign(exchange, 'reply', false);
  const served = exchange.served.find(({ ipv6 }) => inRange6(asked, ipv6.range));
  if (served === undefined) {
    return reply(exchange, {
      type: 'reply',
      served: exchange.served[0]!,
      associations: [withdrawn(first)],
      why: `${asked} does not belong to this network`,
      severity: 'warning',
    });
  }
  const isReserved = index.reservedAddress6ByMac.get(facts.mac) === asked;
  const left = isReserved ? undefined : leases.leftToOther(served.subnet.subnet.id, asked, facts.mac, nowMs);
  // The server whose address it is may know a lease that has not been told here yet, so nothing is refused in its place.
  if (left !== undefined && isRebind) return silence(exchange, 'address-of-peer', `${facts.mac} wants to go on with ${asked}: ${left}`);
  const no = refuseAddress6(index, leases, wishOf(exchange, served), asked);
  const lease = leases.lease(asked);
  const owner = index.hostByReservedAddress6.get(asked);
  // A machine at work keeps an address whose pool went away, unless somebody else is meant to have it.
  const keepsIt =
    left === undefined &&
    isActive(lease, nowMs) &&
    lease.state === 'bound' &&
    lease.mac === facts.mac &&
    (owner === undefined || owner === exchange.host);
  if (no !== undefined && !keepsIt) {
    if (isRebind) return silence(exchange, 'no-record-of-client', `${facts.mac} wants to go on with ${asked}: ${no}`);
    return reply(exchange, {
      type: 'reply',
      served,
      associations: [refused(first.iaid, STATUS6.noBinding, no)],
      why: no,
      severity: 'warning',
    });
  }
  return reply(exchange, {
    type: 'reply',
    served,
    address: asked,
    associations: [
      granted(first.iaid, asked, served.subnet.subnet.leaseSeconds),
      ...others.map(({ iaid }) => refused(iaid, STATUS6.noBinding, 'one address for each port')),
    ],
    leases: bind(exchange, served, asked),
    why: `goes on with ${asked}`,
  });
}

function answerConfirm(exchange: Exchange): Dhcp6Reply | Dhcp6Silence {
  const addresses = exchange.facts.associations.flatMap((one) => one.addresses.map(({ address }) => address));
  if (addresses.length === 0) return silence(exchange, 'unusable-request', `${exchange.facts.mac} wants nothing confirmed`);
  const isOnLink = (address: string) => exchange.served.some(({ ipv6 }) => inRange6(address, ipv6.range));
  return addresses.every(isOnLink)
    ? statusOnly(exchange, STATUS6.success, 'all addresses are on this link', `${addresses.join(', ')} is right here`)
    : statusOnly(exchange, STATUS6.notOnLink, 'another network', `${addresses.join(', ')} belongs to another network`);
}

/** RELEASE and DECLINE, for the addresses that the client holds; the others are told so. */
function giveBack(exchange: Exchange, state: 'released' | 'declined'): Dhcp6Reply {
  const { facts, leases } = exchange;
  const drafts: LeaseDraft[] = [];
  const unknown: IdentityAssociation[] = [];
  for (const association of facts.associations) {
    const held = association.addresses.filter(({ address }) => {
      const lease = leases.lease(address);
      return lease?.mac === facts.mac && lease.state === 'bound';
    });
    for (const { address } of held) {
      const served = exchange.served.find(({ ipv6 }) => inRange6(address, ipv6.range));
      if (served) drafts.push(draftLease(exchange, served, address, state));
    }
    if (held.length === 0) unknown.push(refused(association.iaid, STATUS6.noBinding, 'no such lease'));
  }
  const what = drafts.map(({ ipAddress }) => ipAddress).join(', ') || 'nothing that it holds';
  return reply(exchange, {
    type: 'reply',
    served: exchange.served[0]!,
    associations: unknown,
    leases: drafts,
    status: { code: STATUS6.success, message: state },
    why:
      state === 'declined'
        ? `found ${what} in use by another device; set aside for an hour: find the device with that address`
        : `gave back ${what}`,
    ...(state === 'declined' && drafts.length > 0 ? { severity: 'warning' as const } : {}),
  });
}

/** RFC 8415 §16: which messages name a server, which must not, and which may. */
const SERVER_ID: Readonly<Record<number, 'forbidden' | 'needed' | 'optional'>> = {
  [MESSAGE6.solicit]: 'forbidden',
  [MESSAGE6.request]: 'needed',
  [MESSAGE6.confirm]: 'forbidden',
  [MESSAGE6.renew]: 'needed',
  [MESSAGE6.rebind]: 'forbidden',
  [MESSAGE6.release]: 'needed',
  [MESSAGE6.decline]: 'needed',
  [MESSAGE6.informationRequest]: 'optional',
};

/** Why the message breaks the rules of its type, or undefined. */
function brokenRule(type: number, facts: Dhcp6ClientFacts): string | undefined {
  const rule = SERVER_ID[type];
  if (rule === 'forbidden' && facts.serverId) return 'a server identifier where none belongs';
  if (rule === 'needed' && !facts.serverId) return 'no server identifier';
  if (type === MESSAGE6.informationRequest) return facts.associations.length > 0 ? 'addresses in an INFORMATION-REQUEST' : undefined;
  return facts.duid ? undefined : 'no client identifier';
}

function answerType(exchange: Exchange): Dhcp6Reply | Dhcp6Silence {
  const { type } = exchange.packet.message;
  if (type === MESSAGE6.solicit) return answerSolicit(exchange);
  if (type === MESSAGE6.request) return assign(exchange, 'reply', false);
  if (type === MESSAGE6.confirm) return answerConfirm(exchange);
  if (type === MESSAGE6.renew || type === MESSAGE6.rebind) return extend(exchange, type === MESSAGE6.rebind);
  if (type === MESSAGE6.release) return giveBack(exchange, 'released');
  if (type === MESSAGE6.decline) return giveBack(exchange, 'declined');
  return reply(exchange, { type: 'reply', served: exchange.served[0]!, associations: [], why: 'settings only' });
}

/** What a client sends that has chosen no server yet; all servers answer a REBIND. */
const UNCHOSEN: ReadonlySet<number> = new Set([MESSAGE6.solicit, MESSAGE6.confirm, MESSAGE6.informationRequest]);

/** Answers, unless another boot server of the network is to. */
function shared(exchange: Exchange): Dhcp6Reply | Dhcp6Silence {
  const { facts, served, answers, nowMs } = exchange;
  const share = facts.serverId ? undefined : answers?.answererOf(served[0]!.subnet.subnet.id, facts.mac, facts.seconds, nowMs);
  if (share === undefined) return answerType(exchange);
  const { by } = share;
  if (by !== undefined) return { ...silence(exchange, 'left-to-peer', `${facts.mac} is boot server ${by}’s to answer`), leftTo: by };
  const decision = answerType(exchange);
  const { inPlaceOf } = share;
  return decision.kind === 'silence'
    ? decision
    : { ...decision, inPlaceOf, why: `${decision.why}; in place of boot server ${inPlaceOf}, which does not answer` };
}

const early = (reason: Silence6Reason, why: string): Dhcp6Silence => ({ kind: 'silence', reason, why, leases: [] });

export function answerDhcp6(packet: Dhcp6Packet, context: Dhcp6Context): Dhcp6Reply | Dhcp6Silence {
  const { index } = context;
  const { type } = packet.message;
  if (SERVER_ID[type] === undefined || packet.envelope === 'reply') return early('not-a-request', `DHCPv6 message type ${type}`);
  const facts = readClientFacts6(packet, { ...context, isKnown: (mac) => index.hostByMac.has(mac) });
  if (facts === undefined)
    return early(
      'no-link-layer-address',
      `nothing in a DHCPv6 message of ${packet.relays.at(-1)?.peer ?? context.source} tells its MAC address`,
    );
  if (typeof facts === 'string') return early('unusable-request', facts);
  const rule = ruleOf(context, packet);
  const exchange: Exchange = {
    ...context,
    packet,
    facts,
    host: index.hostByMac.get(facts.mac),
    served: findServed(context, packet, rule),
    rack: rule?.rule.rack,
  };
  const broken = brokenRule(type, facts);
  if (broken) return silence(exchange, 'unusable-request', `${facts.mac} sent DHCPv6 message type ${type} with ${broken}`);
  if (exchange.served.length === 0)
    return silence(exchange, 'no-subnet', `${facts.mac} came by a link that no IPv6 subnet of the model names`);
  if (index.withdrawnMacs.has(facts.mac)) return silence(exchange, 'network-withdrawn', `${facts.mac} ${WITHDRAWN}`);
  if (facts.serverId && !facts.serverId.equals(serverDuid(index.serverUuid)))
    return context.answers?.isPeer(exchange.served[0]!.subnet.subnet.id, facts.serverId.toString('hex'))
      ? silence(exchange, 'peer-chosen', `${facts.mac} speaks to another boot server, which shares this network`)
      : silence(exchange, 'other-server-chosen', `${facts.mac} speaks to another DHCPv6 server on its network`);
  if (!isServed(exchange))
    return silence(exchange, 'stranger-not-answered', `${facts.mac} is unknown, and its subnet has no IPv6 discovery pool`);
  return UNCHOSEN.has(type) ? shared(exchange) : answerType(exchange);
}
