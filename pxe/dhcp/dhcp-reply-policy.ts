import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { BootHost } from '../boot-model.ts';
import type { IndexedSubnet } from '../model/model-index.ts';
import { type BootFile, isIpxe } from '../script/boot-file-policy.ts';
import type { DhcpClientFacts } from './dhcp-client-facts.ts';
import { BOOT_REPLY, BROADCAST_FLAG, type DhcpMessage } from './dhcp-message-codec.ts';
import { echoRelayInformation } from './relay-information-codec.ts';
import { encodeAddresses, encodeUint32, encodeUint8, MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';

/** Where a reply goes (RFC 2131 §4.1). */
export type DhcpDestination =
  | { readonly kind: 'relay'; readonly address: number }
  /** To an address that the client already uses. */
  | { readonly kind: 'unicast'; readonly address: number }
  /** To a client that does not answer ARP yet: a frame to its hardware address, else a broadcast. */
  | { readonly kind: 'client'; readonly address: number; readonly mac: string }
  | { readonly kind: 'broadcast' }
  /** To where the request came from, which port 4011's clients choose. */
  | { readonly kind: 'sender'; readonly address: number; readonly port: number };

export interface ReplyPlan {
  readonly request: DhcpMessage;
  readonly facts: DhcpClientFacts;
  readonly subnet: IndexedSubnet;
  readonly host: BootHost | undefined;
  /** 0 for the answer to an INFORM. */
  readonly address: number;
  readonly bootFile: BootFile;
  /** Of its classes and the machine's own: the last that has a code counts. */
  readonly extraOptions?: readonly ReadonlyMap<number, Buffer>[];
  /** The relay's address, where it stands for ours (RFC 5107). */
  readonly serverIdentifier?: number | undefined;
}

/** `file` holds 127 characters and its NUL; longer ones travel in option 67. */
const FILE_CHARACTERS_MAX = 127;

/**
 * iPXE's `no-pxedhcp` (encapsulated option 176): without it iPXE lets the first offers pass and waits some seconds for a
 * ProxyDHCP server that will not come.
 */
const IPXE_NO_PROXY_DHCP = Buffer.from([0xb0, 1, 1]);

export function chooseDestination(request: DhcpMessage, type: number, yiaddr: number, mac: string): DhcpDestination {
  if (request.giaddr !== 0) return { kind: 'relay', address: request.giaddr };
  if (type === MESSAGE_TYPE.nak) return { kind: 'broadcast' };
  if (request.ciaddr !== 0) return { kind: 'unicast', address: request.ciaddr };
  if (request.flags & BROADCAST_FLAG || yiaddr === 0) return { kind: 'broadcast' };
  return { kind: 'client', address: yiaddr, mac };
}

const header = (request: DhcpMessage) => ({
  op: BOOT_REPLY,
  htype: request.htype,
  hops: 0,
  xid: request.xid,
  secs: 0,
  flags: request.flags,
  giaddr: request.giaddr,
  chaddr: request.chaddr,
});

/** RFC 6842: the client identifier comes back as it was sent; RFC 3046: the relay's information comes last. */
function addEchoes(options: Map<number, Buffer>, request: DhcpMessage): void {
  for (const code of [OPTION.clientIdentifier, OPTION.clientMachineIdentifier, OPTION.relayAgentInformation]) {
    const value = request.options.get(code);
    if (value === undefined) continue;
    options.delete(code);
    options.set(code, code === OPTION.relayAgentInformation ? echoRelayInformation(value) : value);
  }
}

const validHostname = (name: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name);

/** What every reply of a subnet says, in bytes. */
interface SubnetOptions {
  readonly network: readonly (readonly [number, Buffer])[];
  readonly times: readonly (readonly [number, Buffer])[];
  readonly server: Buffer;
  readonly serverName: string;
  readonly leaseTime: Buffer;
}

function encodeSubnetOptions({ subnet, cidr, server }: IndexedSubnet): SubnetOptions {
  const { leaseSeconds } = subnet;
  const network: [number, Buffer][] = [[OPTION.subnetMask, encodeUint32(cidr.netmask)]];
  if (subnet.gateway) network.push([OPTION.router, encodeAddresses([subnet.gateway])]);
  const dnsServers = encodeAddresses(subnet.dnsServers);
  if (dnsServers.length > 0) network.push([OPTION.domainNameServer, dnsServers]);
  if (subnet.domain) network.push([OPTION.domainName, Buffer.from(subnet.domain, 'latin1')]);
  network.push([OPTION.broadcastAddress, encodeUint32(cidr.broadcast)]);
  return {
    network,
    times: [
      [OPTION.renewalTime, encodeUint32(Math.floor(leaseSeconds / 2))],
      [OPTION.rebindingTime, encodeUint32(Math.floor((leaseSeconds * 7) / 8))],
    ],
    server: encodeUint32(server),
    serverName: ipv4FromNumber(server),
    leaseTime: encodeUint32(leaseSeconds),
  };
}

/** A model is replaced whole, so what was encoded of one of its subnets holds as long as that is there. */
const encodedSubnets = new WeakMap<IndexedSubnet, SubnetOptions>();

function optionsOf(subnet: IndexedSubnet): SubnetOptions {
  const known = encodedSubnets.get(subnet);
  if (known) return known;
  const encoded = encodeSubnetOptions(subnet);
  encodedSubnets.set(subnet, encoded);
  return encoded;
}

function addNetworkOptions(options: Map<number, Buffer>, plan: ReplyPlan): void {
  for (const [code, value] of optionsOf(plan.subnet).network) options.set(code, value);
  if (plan.host && validHostname(plan.host.name)) options.set(OPTION.hostName, Buffer.from(plan.host.name));
}

function addBootOptions(options: Map<number, Buffer>, plan: Pick<ReplyPlan, 'bootFile' | 'facts' | 'subnet'>): string {
  const { bootFile, facts, subnet } = plan;
  if (bootFile.kind !== 'file') return '';
  const fits = bootFile.file.length <= FILE_CHARACTERS_MAX;
  if (bootFile.vendorClass) options.set(OPTION.vendorClass, Buffer.from(bootFile.vendorClass));
  if (!fits || facts.requestedOptions.has(OPTION.bootFileName)) options.set(OPTION.bootFileName, Buffer.from(bootFile.file));
  if (facts.requestedOptions.has(OPTION.tftpServerName)) options.set(OPTION.tftpServerName, Buffer.from(subnet.subnet.serverAddress));
  if (isIpxe(facts.firmware)) options.set(OPTION.etherboot, IPXE_NO_PROXY_DHCP);
  return fits ? bootFile.file : '';
}

/** Composes an OFFER or ACK. What the client needs to boot comes first, so that a small packet keeps it. */
export function composeReply(type: number, plan: ReplyPlan): DhcpMessage {
  const { request, subnet, address } = plan;
  const encoded = optionsOf(subnet);
  const options = new Map<number, Buffer>();
  options.set(OPTION.messageType, encodeUint8(type));
  options.set(OPTION.serverIdentifier, plan.serverIdentifier === undefined ? encoded.server : encodeUint32(plan.serverIdentifier));
  if (address !== 0) options.set(OPTION.leaseTime, encoded.leaseTime);
  const file = addBootOptions(options, plan);
  addNetworkOptions(options, plan);
  if (address !== 0) for (const [code, value] of encoded.times) options.set(code, value);
  for (const [code, value] of subnet.options) options.set(code, value);
  if (plan.host?.hasInstance === true) for (const [code, value] of subnet.instanceOptions) options.set(code, value);
  for (const extra of plan.extraOptions ?? []) for (const [code, value] of extra) options.set(code, value);
  addEchoes(options, request);
  return {
    ...header(request),
    ciaddr: type === MESSAGE_TYPE.ack ? request.ciaddr : 0,
    yiaddr: address,
    siaddr: plan.bootFile.kind === 'file' ? subnet.server : 0,
    sname: plan.bootFile.kind === 'file' ? encoded.serverName : '',
    file,
    options,
  };
}

/**
 * PXE 2.1 §2.2.3: discovery control (6) bit 3, "load the file of this offer at once": no menu, no search for further servers.
 */
const PXE_USE_BOOT_FILE = Buffer.from([6, 1, 8, 255]);

/** What a proxy says: a boot file and whose it is, but no address and nothing of the network. */
export function composeProxyReply(type: number, plan: Omit<ReplyPlan, 'address' | 'host'>): DhcpMessage {
  const { request, subnet, facts, bootFile } = plan;
  const encoded = optionsOf(subnet);
  const options = new Map<number, Buffer>();
  options.set(OPTION.messageType, encodeUint8(type));
  options.set(OPTION.serverIdentifier, encoded.server);
  const file = addBootOptions(options, plan);
  if (bootFile.kind === 'file' && !bootFile.vendorClass && !isIpxe(facts.firmware)) {
    options.set(OPTION.vendorClass, Buffer.from('PXEClient'));
    options.set(OPTION.vendorInformation, PXE_USE_BOOT_FILE);
  } else if (isIpxe(facts.firmware)) {
    // iPXE takes an offer without an address for a proxy's by this class, and would wait for another proxy by option 175.
    options.set(OPTION.vendorClass, Buffer.from('PXEClient'));
    options.delete(OPTION.etherboot);
  }
  addEchoes(options, request);
  return { ...header(request), ciaddr: request.ciaddr, yiaddr: 0, siaddr: subnet.server, sname: encoded.serverName, file, options };
}

/** RFC 2131 §4.3.2: through a relay the NAK must be broadcast on the client's wire, as the client's address is wrong there. */
export function composeNak(request: DhcpMessage, server: number, reason: string): DhcpMessage {
  const options = new Map<number, Buffer>([
    [OPTION.messageType, encodeUint8(MESSAGE_TYPE.nak)],
    [OPTION.serverIdentifier, encodeUint32(server)],
    [OPTION.message, Buffer.from(reason.slice(0, 200), 'latin1')],
  ]);
  addEchoes(options, request);
  const flags = request.giaddr === 0 ? request.flags : request.flags | BROADCAST_FLAG;
  return { ...header(request), flags, ciaddr: 0, yiaddr: 0, siaddr: 0, sname: '', file: '', options };
}
