import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { isMalformed, malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * A trap of SNMPv1 (RFC 1157 §4.1.6) in BER, as far as BMCs use it: definite lengths, one variable of octets.
 *
 *   SEQUENCE { INTEGER version 0, OCTETS community, [4] { OID enterprise, [APPLICATION 0] agent, INTEGER generic,
 *     INTEGER specific, [APPLICATION 3] ticks, SEQUENCE { SEQUENCE { OID, OCTETS } .. } } }
 */
export interface SnmpTrap {
  readonly community: string;
  readonly enterprise: string;
  readonly agentAddress: string;
  readonly generic: number;
  readonly specific: number;
  /** Hundredths of a second since the sender started. */
  readonly ticks: number;
  readonly variable: { readonly oid: string; readonly octets: Buffer };
}

const TAG = { integer: 0x02, octets: 0x04, oid: 0x06, sequence: 0x30, address: 0x40, ticks: 0x43, trap: 0xa4 } as const;
const VERSION_1 = 0;
/** More than any enterprise's; each is an object of ours. */
const OID_ARCS_MAX = 32;

interface Element {
  readonly body: Buffer;
  readonly next: number;
}

/** The element of this tag that begins at `at`. */
function element(bytes: Buffer, at: number, tag: number, what: string): Element | Malformed {
  if (bytes[at] !== tag) return malformed(`SNMP: ${what} is not there`, at);
  const first = bytes[at + 1] ?? 0x80;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 2 || at + 2 + lengthBytes > bytes.length) return malformed(`SNMP: ${what} has no length`, at + 1);
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  const start = at + 2 + lengthBytes;
  if (start + length > bytes.length) return malformed(`SNMP: ${what} is cut short`, bytes.length);
  return { body: bytes.subarray(start, start + length), next: start + length };
}

/** Elements one after another; what follows them is left alone. */
function elements(bytes: Buffer, wanted: readonly (readonly [tag: number, what: string])[]): Buffer[] | Malformed {
  const bodies: Buffer[] = [];
  let at = 0;
  for (const [tag, what] of wanted) {
    const found = element(bytes, at, tag, what);
    if (isMalformed(found)) return found;
    bodies.push(found.body);
    at = found.next;
  }
  return bodies;
}

const INTEGER_BYTES_MAX = 5;
function readNumber(body: Buffer, what: string): number | Malformed {
  if (body.length === 0 || body.length > INTEGER_BYTES_MAX) return malformed(`SNMP: ${what} is no number of 32 bits`, 0);
  return body.readIntBE(0, body.length);
}

function readOid(body: Buffer): string | Malformed {
  const arcs: number[] = [];
  let arc = 0;
  for (const [at, byte] of body.entries()) {
    arc = arc * 0x80 + (byte & 0x7f);
    if (arc > 0xffff_ffff) return malformed('SNMP: an arc has more than 32 bits', at);
    if (byte & 0x80) continue;
    // The first two share one byte (X.690 §8.19.4).
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    if (arcs.length > OID_ARCS_MAX) return malformed('SNMP: a name has too many arcs', at);
    arc = 0;
  }
  return arcs.length === 0 || (body.at(-1)! & 0x80) !== 0 ? malformed('SNMP: a name ends within an arc', body.length) : arcs.join('.');
}

export function decodeSnmpTrap(bytes: Buffer): SnmpTrap | Malformed {
  const message = element(bytes, 0, TAG.sequence, 'message');
  const outer = isMalformed(message)
    ? message
    : elements(message.body, [
        [TAG.integer, 'version'],
        [TAG.octets, 'community'],
        [TAG.trap, 'trap of version 1'],
      ]);
  if (isMalformed(outer)) return outer;
  const [version, community, pdu] = outer as [Buffer, Buffer, Buffer];
  if (readNumber(version, 'version') !== VERSION_1) return malformed('SNMP: the version is not 1', 0);
  const inner = elements(pdu, [
    [TAG.oid, 'enterprise'],
    [TAG.address, 'agent address'],
    [TAG.integer, 'generic trap'],
    [TAG.integer, 'specific trap'],
    [TAG.ticks, 'time'],
    [TAG.sequence, 'list of variables'],
  ]);
  if (isMalformed(inner)) return inner;
  const [name, agent, generic, specific, ticks, list] = inner as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
  const first = element(list, 0, TAG.sequence, 'variable');
  const variable = isMalformed(first)
    ? first
    : elements(first.body, [
        [TAG.oid, 'name of a variable'],
        [TAG.octets, 'value of octets'],
      ]);
  if (isMalformed(variable)) return variable;
  if (agent.length !== 4) return malformed('SNMP: the agent address is not of 4 bytes', 0);
  const values = [readOid(name), readOid(variable[0]!), ...[generic, specific, ticks].map((body) => readNumber(body, 'a value'))];
  const wrong = values.find(isMalformed);
  if (wrong !== undefined) return wrong;
  const [enterprise, oid, ...numbers] = values as [string, string, number, number, number];
  return {
    community: community.toString('latin1'),
    enterprise,
    agentAddress: ipv4FromNumber(agent.readUInt32BE(0)),
    generic: numbers[0],
    specific: numbers[1],
    ticks: numbers[2],
    variable: { oid, octets: variable[1]! },
  };
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  return Buffer.concat([Buffer.from(length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]), body]);
}

function integer(value: number, tag: number = TAG.integer): Buffer {
  const bytes = Buffer.alloc(INTEGER_BYTES_MAX);
  bytes.writeIntBE(value, 0, INTEGER_BYTES_MAX);
  let from = 0;
  // As short as it goes, the first bit telling the sign.
  while (from < INTEGER_BYTES_MAX - 1 && bytes[from] === 0 && bytes[from + 1]! < 0x80) from += 1;
  return der(tag, bytes.subarray(from));
}

function arcBytes(arc: number): number[] {
  const bytes = [arc % 0x80];
  for (let rest = Math.floor(arc / 0x80); rest > 0; rest = Math.floor(rest / 0x80)) bytes.unshift(0x80 | (rest % 0x80));
  return bytes;
}

function oidOf(text: string): Buffer {
  const [first = 0, second = 0, ...arcs] = text.split('.').map(Number);
  return der(TAG.oid, Buffer.from([first * 40 + second, ...arcs].flatMap(arcBytes)));
}

export function encodeSnmpTrap(trap: SnmpTrap): Buffer {
  const agent = Buffer.alloc(4);
  agent.writeUInt32BE(ipv4ToNumber(trap.agentAddress) ?? 0);
  const variable = der(TAG.sequence, oidOf(trap.variable.oid), der(TAG.octets, trap.variable.octets));
  return der(
    TAG.sequence,
    integer(VERSION_1),
    der(TAG.octets, Buffer.from(trap.community, 'latin1')),
    der(
      TAG.trap,
      oidOf(trap.enterprise),
      der(TAG.address, agent),
      integer(trap.generic),
      integer(trap.specific),
      integer(trap.ticks, TAG.ticks),
      der(TAG.sequence, variable),
    ),
  );
}
