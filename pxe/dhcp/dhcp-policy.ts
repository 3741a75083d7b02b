import { isMalformed } from '../../core/base/malformed.ts';
import { ipv4FromNumber, ipv4InCidr } from '../../core/base/ipv4-address.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { chooseAddress, refuseAddress } from '../lease/address-choice-policy.ts';
import { isActive, QUARANTINE_MS } from '../lease/lease-table.ts';
import { addressInRange, type IndexedSubnet, needsSigned } from '../model/model-index.ts';
import { findRelayRule } from '../model/relay-rule-policy.ts';
import { classesOf, type IndexedClass } from '../model/client-class-policy.ts';
import { type BootFile, chooseBootFile, type FirmwareFacts, isIpxe } from '../script/boot-file-policy.ts';
import { readClientFacts } from './dhcp-client-facts.ts';
import {
  type DhcpContext,
  type DhcpNote,
  type DhcpReply,
  type DhcpSilence,
  type Exchange,
  type LeaseDraft,
  type RelayFacts,
  silence,
  WITHDRAWN,
} from './dhcp-exchange.ts';
import { BOOT_REQUEST, type DhcpMessage } from './dhcp-message-codec.ts';
import { MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';
import { answerAsProxy } from './dhcp-proxy-policy.ts';
import { decodeRelayInformation } from './relay-information-codec.ts';
import { chooseDestination, composeNak, composeReply } from './dhcp-reply-policy.ts';

/** A client that declines everything would otherwise put a whole pool in quarantine. */
const DECLINES_PER_CLIENT_MAX = 8;

/** Undefined without a relay's information; a sentence when it cannot be read. */
function readRelay({ index }: DhcpContext, request: DhcpMessage): RelayFacts | string | undefined {
  const value = request.options.get(OPTION.relayAgentInformation);
  if (value === undefined) return undefined;
  const information = decodeRelayInformation(value);
  if (isMalformed(information)) return information.reason;
  return { information, rule: findRelayRule(index.relayRules, information) };
}

/** Is this identifier ours, or the relay's that stands for us (RFC 5107)? */
const isOurs = ({ index, relay }: Exchange, identifier: number): boolean =>
  index.ownAddresses.has(identifier) || relay?.information.serverIdentifier === identifier;

/** The subnets that the packet can be about: by relay, else by interface, else by the address that the client uses. */
function findSubnets(context: DhcpContext, request: DhcpMessage, relay: RelayFacts | undefined): readonly IndexedSubnet[] {
  const { subnets } = context.index;
  if (relay?.rule?.subnet) return [relay.rule.subnet];
  if (request.giaddr !== 0) {
    const link = relay?.information.link ?? request.giaddr;
    return subnets.filter((s) => ipv4InCidr(link, s.cidr));
  }
  const attached = subnets.filter((s) => s.subnet.interface !== undefined && s.subnet.interface === context.interface);
  const routed = request.ciaddr === 0 ? [] : subnets.filter((s) => ipv4InCidr(request.ciaddr, s.cidr));
  if (attached.length === 0) return routed;
  // A renewal is routed to us and may come in on any interface: the address tells the subnet where the interface does not.
  return routed.some((s) => attached.includes(s)) || routed.length === 0 ? attached : routed;
}

function draftLease(
  exchange: Exchange,
  subnet: IndexedSubnet,
  address: number,
  state: LeaseRecord['state'],
  expiresAtMs: number,
): LeaseDraft {
  const { facts } = exchange;
  return {
    ipAddress: ipv4FromNumber(address),
    mac: facts.mac,
    subnetId: subnet.subnet.id,
    state,
    expiresAtMs,
    ...(facts.clientId === undefined ? {} : { clientId: facts.clientId.toString('hex') }),
    ...(facts.hostname === undefined ? {} : { hostname: facts.hostname }),
    ...(facts.firmware.architecture === undefined ? {} : { architecture: facts.firmware.architecture }),
  };
}

/** An address that is new to the client and not kept for it may be in use by somebody who never asked us. */
function probeOf(exchange: Exchange, { subnet, pools, discoveryPool }: IndexedSubnet, address: number): Pick<DhcpReply, 'probe'> {
  const { facts, index, leases, request, nowMs } = exchange;
  const isReserved = index.reservedAddressByMac.get(facts.mac) === address;
  const isOwn = leases.lease(address)?.mac === facts.mac || (isReserved && !isInPoolOfPeer());
  if (!subnet.probeAddresses || isOwn) return {};
  if (request.giaddr !== 0) return { probe: { way: { kind: 'routed' }, subnetId: subnet.id } };
  /** Reserved so lately that a boot server with an older model may just have given it to a stranger. */
  function isInPoolOfPeer(): boolean {
    const ranges = [...pools, ...(discoveryPool ? [discoveryPool] : [])];
    return ranges.some((range) => addressInRange(address, range)) && leases.leftToOther(subnet.id, address, facts.mac, nowMs) !== undefined;
  }
  return subnet.interface === undefined ? {} : { probe: { way: { kind: 'wire', interface: subnet.interface }, subnetId: subnet.id } };
}

/** iPXE gets its script whatever class it is in. */
function classBootFile(classes: readonly IndexedClass[], firmware: FirmwareFacts): BootFile | undefined {
  const named = isIpxe(firmware) ? undefined : classes.findLast(({ settings }) => settings.bootFile !== undefined);
  return named && { kind: 'file', file: named.settings.bootFile!, why: `class ${named.settings.name} names its boot file` };
}

const extraOptions = (classes: readonly IndexedClass[], own: ReadonlyMap<number, Buffer> | undefined): ReadonlyMap<number, Buffer>[] => [
  ...classes.map(({ options }) => options),
  ...(own ? [own] : []),
];

function reply(exchange: Exchange, subnet: IndexedSubnet, type: 'offer' | 'ack', address: number, notes: DhcpNote[] = []): DhcpReply {
  const { facts, request, host, index, leases, nowMs } = exchange;
  const baseUrl = `http://${subnet.subnet.serverAddress}:${exchange.httpPort}`;
  const classes = classesOf(index.classes, facts.firmware, subnet.subnet.id);
  const bootFile = classBootFile(classes, facts.firmware) ?? chooseBootFile(facts.firmware, facts.mac, baseUrl, needsSigned(host, subnet));
  if (bootFile.kind === 'unsupported')
    notes.push({ kind: 'dhcp.unsupported-architecture', message: `${facts.mac} gets an address but no boot file: ${bootFile.why}` });
  const message = composeReply(MESSAGE_TYPE[type], {
    request,
    facts,
    subnet,
    host,
    address,
    bootFile,
    extraOptions: extraOptions(classes, host && index.optionsByHost.get(host)),
    serverIdentifier: exchange.relay?.information.serverIdentifier,
  });
  const drafts: LeaseDraft[] = [];
  if (type === 'ack' && address !== 0) {
    const before = leases.addressOfClient(subnet.subnet.id, facts.mac);
    const old = before === undefined || before === address ? undefined : leases.lease(before);
    if (old && isActive(old, nowMs)) {
      drafts.push({ ...old, state: 'released', expiresAtMs: nowMs });
    }
    drafts.push(draftLease(exchange, subnet, address, 'bound', nowMs + subnet.subnet.leaseSeconds * 1000));
  }
  const reserved = index.reservedAddressByMac.get(facts.mac) === address ? ', its reservation' : '';
  const what = bootFile.kind === 'file' ? `; ${bootFile.why}` : '';
  return {
    kind: 'reply',
    type,
    message,
    facts,
    host,
    relay: exchange.relay,
    ...(classes.length === 0 ? {} : { classes: classes.map(({ settings }) => settings.name) }),
    notes,
    leases: drafts,
    destination: chooseDestination(request, MESSAGE_TYPE[type], address, facts.mac),
    sizeMax: facts.replyBytesMax,
    ...(type === 'offer' ? { hold: address, ...probeOf(exchange, subnet, address) } : {}),
    why: `${address === 0 ? 'settings only' : `${ipv4FromNumber(address)}${reserved}`}${what}`,
  };
}

const refuse = (exchange: Exchange, server: number, why: string): DhcpReply => ({
  kind: 'reply',
  type: 'nak',
  why,
  facts: exchange.facts,
  host: exchange.host,
  relay: exchange.relay,
  notes: [],
  leases: [],
  message: composeNak(exchange.request, exchange.relay?.information.serverIdentifier ?? server, why),
  destination: chooseDestination(exchange.request, MESSAGE_TYPE.nak, 0, exchange.facts.mac),
  sizeMax: exchange.facts.replyBytesMax,
});

const isServed = (exchange: Exchange): boolean =>
  exchange.host !== undefined || exchange.subnets.some((s) => s.discoveryPool !== undefined);

function answerDiscover(exchange: Exchange): DhcpReply | DhcpSilence {
  const { facts, host, index, leases, nowMs } = exchange;
  if (!isServed(exchange))
    return silence(exchange, 'stranger-not-answered', `${facts.mac} is unknown, and its subnet has no discovery pool`);
  if (leases.declinesOf(facts.mac, nowMs) >= DECLINES_PER_CLIENT_MAX)
    return silence(
      exchange,
      'declines-too-often',
      `${facts.mac} declined ${DECLINES_PER_CLIENT_MAX} addresses within an hour; look for a device that answers ARP for every address`,
    );
  const exhausted: number[] = [];
  // Of several subnets on one wire, the one where the machine has an address of its own comes first.
  const reserved = index.reservedAddressByMac.get(facts.mac);
  const isHome = (s: IndexedSubnet) =>
    (reserved !== undefined && ipv4InCidr(reserved, s.cidr)) || leases.addressOfClient(s.subnet.id, facts.mac) !== undefined;
  for (const subnet of exchange.subnets.toSorted((a, b) => Number(isHome(b)) - Number(isHome(a)))) {
    const choice = chooseAddress(index, leases, {
      subnet,
      mac: facts.mac,
      host,
      requested: facts.requestedAddress,
      rackPool: exchange.relay?.rule?.pool,
      nowMs,
    });
    if (choice.address === undefined) {
      if (choice.reason === 'pool-exhausted') exhausted.push(...choice.searched);
      continue;
    }
    const notes =
      choice.reservationBlockedBy === undefined
        ? []
        : [
            {
              kind: 'dhcp.reservation-blocked',
              message: `${facts.mac} gets ${ipv4FromNumber(choice.address)}: its reserved address ${ipv4FromNumber(reserved!)} is in use by ${choice.reservationBlockedBy}; it gets it when that lease ends`,
            },
          ];
    return reply(exchange, subnet, 'offer', choice.address, notes);
  }
  const names = exchange.subnets.map((s) => s.subnet.id).join(', ');
  const reason = exhausted.length === 0 ? 'no-pool' : 'pool-exhausted';
  const why =
    reason === 'no-pool'
      ? `${facts.mac} has no reservation, and subnet ${names} has no pool for it`
      : `no address is left on subnet ${names} for ${facts.mac}; enlarge a pool or shorten the lease time${exchange.answers?.isShared(exchange.subnets[0]!.subnet.id) ? ', or see by `rackwright boot status` which boot server keeps the others' : ''}`;
  return { ...silence(exchange, reason, why), exhausted };
}

function answerRequest(exchange: Exchange): DhcpReply | DhcpSilence {
  const { facts, request, host, index, leases, nowMs } = exchange;
  const selecting = facts.serverIdentifier !== undefined;
  if (selecting && !isOurs(exchange, facts.serverIdentifier!)) {
    const drop = facts.requestedAddress === undefined ? {} : { dropOffer: facts.requestedAddress };
    const server = ipv4FromNumber(facts.serverIdentifier!);
    return exchange.answers?.isPeer(exchange.subnets[0]!.subnet.id, server)
      ? { ...silence(exchange, 'peer-chosen', `${facts.mac} took the offer of boot server ${server}, which shares this network`), ...drop }
      : {
          ...silence(exchange, 'other-server-chosen', `${facts.mac} took the offer of ${server}; a second DHCP server is on its network`),
          ...drop,
        };
  }
  if (!selecting && !isServed(exchange))
    return silence(exchange, 'stranger-not-answered', `${facts.mac} is unknown, and its subnet has no discovery pool`);
  const atWork = !selecting && request.ciaddr !== 0;
  const address = atWork ? request.ciaddr : (facts.requestedAddress ?? request.ciaddr);
  if (address === 0) return silence(exchange, 'unusable-request', `${facts.mac} sent a REQUEST that names no address`);
  const subnet = exchange.subnets.find((s) => ipv4InCidr(address, s.cidr));
  const server = exchange.subnets[0]!.server;
  if (subnet === undefined) return refuse(exchange, server, `${ipv4FromNumber(address)} does not belong to this network`);
  const wish = { subnet, mac: facts.mac, host, rackPool: exchange.relay?.rule?.pool, nowMs };
  const lease = leases.lease(address);
  const holdsIt = lease?.mac === facts.mac && lease.state !== 'declined';
  const left =
    index.reservedAddressByMac.get(facts.mac) === address ? undefined : leases.leftToOther(subnet.subnet.id, address, facts.mac, nowMs);
  // The server whose address it is may know a lease that has not been told here yet, so nothing is refused in its place.
  if (left !== undefined && !selecting)
    return silence(exchange, 'address-of-peer', `${facts.mac} wants ${ipv4FromNumber(address)}: ${left}`);
  const no = refuseAddress(index, leases, wish, address);
  // A machine at work keeps an address whose pool went away, unless somebody else is meant to have it.
  const owner = index.hostByReservedAddress.get(address) ?? host;
  const keepsIt = left === undefined && atWork && holdsIt && isActive(lease, nowMs) && owner === host && !index.ownAddresses.has(address);
  if (no !== undefined && !keepsIt) return refuse(exchange, subnet.server, no);
  if (!selecting && !atWork) {
    // INIT-REBOOT, RFC 2131 §4.3.2: silence without a record, a NAK when the record says otherwise.
    const reserved = index.reservedAddressByMac.get(facts.mac);
    if (reserved !== undefined && reserved !== address && ipv4InCidr(reserved, subnet.cidr))
      return refuse(exchange, subnet.server, 'another address is reserved for this machine');
    if (!holdsIt && reserved !== address) {
      const other = leases.addressOfClient(subnet.subnet.id, facts.mac);
      return other === undefined
        ? silence(exchange, 'no-record-of-client', `${facts.mac} wants to go on with ${ipv4FromNumber(address)}, but it has no lease here`)
        : refuse(exchange, subnet.server, 'the lease here is for another address');
    }
  }
  return reply(exchange, subnet, 'ack', address);
}

function answerDecline(exchange: Exchange): DhcpSilence {
  const { facts, leases, nowMs } = exchange;
  const address = facts.requestedAddress;
  const subnet = exchange.subnets.find((s) => address !== undefined && ipv4InCidr(address, s.cidr));
  const holder = address === undefined ? undefined : leases.lease(address);
  const ours = facts.serverIdentifier === undefined || isOurs(exchange, facts.serverIdentifier);
  if (subnet === undefined || !ours || holder?.mac !== facts.mac || holder.state !== 'bound')
    return silence(exchange, 'not-the-holder', `${facts.mac} declined an address that it does not hold`);
  return silence(
    exchange,
    'declined',
    `${facts.mac} found ${ipv4FromNumber(address!)} in use by another device; the address is set aside for an hour: find the device with that address`,
    [draftLease(exchange, subnet, address!, 'declined', nowMs + QUARANTINE_MS)],
  );
}

function answerRelease(exchange: Exchange): DhcpSilence {
  const { facts, request, leases, nowMs } = exchange;
  const holder = leases.lease(request.ciaddr);
  const subnet = exchange.subnets.find((s) => ipv4InCidr(request.ciaddr, s.cidr));
  if (subnet === undefined || holder?.mac !== facts.mac || holder.state !== 'bound')
    return silence(exchange, 'not-the-holder', `${facts.mac} released ${ipv4FromNumber(request.ciaddr)}, which it does not hold`);
  return silence(exchange, 'released', `${facts.mac} gave back ${ipv4FromNumber(request.ciaddr)}`, [
    { ...holder, state: 'released', expiresAtMs: nowMs },
  ]);
}

function answerInform(exchange: Exchange): DhcpReply | DhcpSilence {
  const subnet = exchange.subnets.find((s) => ipv4InCidr(exchange.request.ciaddr, s.cidr)) ?? exchange.subnets[0]!;
  return isServed(exchange)
    ? reply(exchange, subnet, 'ack', 0)
    : silence(exchange, 'stranger-not-answered', `${exchange.facts.mac} is unknown, and its subnet has no discovery pool`);
}

/**
 * Answers, unless another boot server of the network is to. Only for clients that have chosen no server: whoever renews may have sent
 * its packet to us alone, and whoever rebinds has waited long enough.
 */
function shared(exchange: Exchange, answer: (exchange: Exchange) => DhcpReply | DhcpSilence): DhcpReply | DhcpSilence {
  const { facts, answers, subnets, nowMs } = exchange;
  const share = answers?.answererOf(subnets[0]!.subnet.id, facts.mac, facts.secs, nowMs);
  if (share === undefined) return answer(exchange);
  const { by } = share;
  if (by !== undefined) return { ...silence(exchange, 'left-to-peer', `${facts.mac} is boot server ${by}’s to answer`), leftTo: by };
  const decision = answer(exchange);
  const { inPlaceOf } = share;
  return decision.kind === 'silence'
    ? decision
    : { ...decision, inPlaceOf, why: `${decision.why}; in place of boot server ${inPlaceOf}, which does not answer` };
}

/**
 * The server's side of RFC 2131 §4.3 as one pure decision. Deliberately different from the letter: a client is its MAC, not
 * its client identifier (`address-choice-policy.ts`); a machine at work is never moved, so a changed reservation takes hold
 * at its next DISCOVER or reboot; and strangers on a subnet without a discovery pool get no NAK, as they are another server's.
 */
export function answerDhcp(request: DhcpMessage, context: DhcpContext): DhcpReply | DhcpSilence {
  if (request.op !== BOOT_REQUEST) return { kind: 'silence', reason: 'not-a-request', why: 'a reply of another server', leases: [] };
  const facts = readClientFacts(request);
  if (typeof facts === 'string') return { kind: 'silence', reason: 'unusable-request', why: facts, leases: [] };
  const host = context.index.hostByMac.get(facts.mac);
  const relay = readRelay(context, request);
  if (typeof relay === 'string')
    return { kind: 'silence', reason: 'unusable-request', why: `${facts.mac} came with ${relay}`, facts, leases: [] };
  const exchange: Exchange = { ...context, request, facts, host, relay, subnets: findSubnets(context, request, relay) };
  if (relay?.information.network && relay.rule === undefined)
    return silence(
      exchange,
      'unknown-vpn',
      `${facts.mac} is in the network ${relay.information.network} of its relay, which no relay rule names`,
    );
  if (exchange.subnets.length === 0) {
    const where = request.giaddr === 0 ? `interface ${context.interface ?? '(unknown)'}` : `relay ${ipv4FromNumber(request.giaddr)}`;
    return silence(exchange, 'no-subnet', `${facts.mac} came by ${where}, which no subnet of the model names`);
  }
  if (context.index.withdrawnMacs.has(facts.mac)) return silence(exchange, 'network-withdrawn', `${facts.mac} ${WITHDRAWN}`);
  if (context.proxyAskedFrom !== undefined) return answerAsProxy(exchange);
  if (exchange.subnets[0]!.subnet.proxy !== undefined)
    return facts.messageType === MESSAGE_TYPE.discover ? shared(exchange, answerAsProxy) : answerAsProxy(exchange);
  if (facts.messageType === MESSAGE_TYPE.discover) return shared(exchange, answerDiscover);
  if (facts.messageType === MESSAGE_TYPE.request)
    return facts.serverIdentifier === undefined && request.ciaddr === 0 ? shared(exchange, answerRequest) : answerRequest(exchange);
  if (facts.messageType === MESSAGE_TYPE.decline) return answerDecline(exchange);
  if (facts.messageType === MESSAGE_TYPE.release) return answerRelease(exchange);
  if (facts.messageType === MESSAGE_TYPE.inform) return answerInform(exchange);
  return silence(exchange, 'unknown-message-type', `${facts.mac} sent DHCP message type ${facts.messageType}`);
}
