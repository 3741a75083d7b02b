import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { macAddressFromBytes } from '../../core/base/mac-address.ts';
import { decodeDhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import { decodeTftpPacket } from '../../pxe/tftp/tftp-codec.ts';
import type { PacketRecord } from './run-record.ts';
import { withoutTokens } from './without-tokens.ts';

/**
 * One line about a captured Ethernet frame that belongs to a boot: DHCP messages, TFTP requests and their answers, HTTP
 * request and status lines. Bulk data, acknowledgements and everything else is undefined.
 */
const ETHERNET_BYTES = 14;
const IPV4 = 0x0800;
const UDP = 17;
const TCP = 6;
const DHCP_TYPES = ['', 'DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE', 'INFORM'] as const;
const OPTION_MESSAGE_TYPE = 53;
const OPTION_BOOT_FILE = 67;
const TFTP_PORT = 69;
const HTTP_LINE = /^(?:(?:GET|HEAD|POST|PUT) \S{1,1200} HTTP\/1\.[01]|HTTP\/1\.[01] \d{3}[^\r\n]{0,60})/;

interface Ports {
  readonly source: number;
  readonly destination: number;
}

function summariseDhcp(payload: Buffer): string | undefined {
  const message = decodeDhcpMessage(payload);
  if (isMalformed(message)) return `damaged: ${message.reason}`;
  const type = DHCP_TYPES[message.options.get(OPTION_MESSAGE_TYPE)?.[0] ?? 0] || 'BOOTP';
  const who = message.chaddr.length === 6 ? macAddressFromBytes(message.chaddr) : 'an odd hardware address';
  const address = message.yiaddr === 0 ? '' : ` ${ipv4FromNumber(message.yiaddr)}`;
  const file = message.file || message.options.get(OPTION_BOOT_FILE)?.toString('latin1') || '';
  return `${type} ${message.op === 1 ? 'from' : 'to'} ${who}${address}${file === '' || message.op === 1 ? '' : `, boot file ${file}`}`;
}

function summariseTftp(payload: Buffer, ports: Ports): string | undefined {
  const packet = decodeTftpPacket(payload);
  if (isMalformed(packet)) return ports.destination === TFTP_PORT ? `damaged: ${packet.reason}` : undefined;
  const options = (map: ReadonlyMap<string, string>) => [...map].map(([name, value]) => ` ${name}=${value}`).join('');
  if (packet.kind === 'read' || packet.kind === 'write') return `${packet.kind} ${packet.path} (${packet.mode}${options(packet.options)})`;
  // Other ports than 69 are a transfer's own: without its request one cannot tell them from any other UDP.
  if (packet.kind === 'option-ack' && packet.options.has('blksize')) return `options accepted:${options(packet.options)}`;
  return undefined;
}

const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

export function summariseFrame(frame: Buffer): Omit<PacketRecord, 'atMs'> | undefined {
  if (frame.length < ETHERNET_BYTES + 28 || frame.readUInt16BE(12) !== IPV4) return undefined;
  const headerBytes = (frame[ETHERNET_BYTES]! & 0x0f) * 4;
  const transport = ETHERNET_BYTES + headerBytes;
  if (headerBytes < 20 || frame.length < transport + 8) return undefined;
  const protocol = frame[ETHERNET_BYTES + 9];
  const ports: Ports = { source: frame.readUInt16BE(transport), destination: frame.readUInt16BE(transport + 2) };
  const about = (name: PacketRecord['protocol'], text: string | undefined) =>
    text === undefined ? undefined : { protocol: name, text: printable(text) };
  if (protocol === UDP) {
    const payload = frame.subarray(transport + 8);
    if (ports.destination === 67 || ports.destination === 68) return about('DHCP', summariseDhcp(payload));
    return about('TFTP', summariseTftp(payload, ports));
  }
  if (protocol !== TCP || frame.length < transport + 20) return undefined;
  const payload = frame.subarray(transport + (frame[transport + 12]! >> 4) * 4);
  const line = HTTP_LINE.exec(payload.toString('latin1', 0, 1_400))?.[0];
  return about('HTTP', line && withoutTokens(line));
}
