import { isMalformed, malformed, type Malformed } from '../core/base/malformed.ts';
import { decodeSystemGuid, encodeSystemGuid } from './ipmi/device-codec.ts';
import { sensorTypeName, severityOfState, stateName } from './ipmi/sensor-state-codec.ts';
import { decodeSnmpTrap, encodeSnmpTrap } from './ipmi/snmp-trap-codec.ts';
import type { PlatformTrap } from './platform-trap.ts';

/**
 * PET 1.0. The trap's specific number: bits 23-16 sensor type | 15-8 event type | bit 7 deasserted, bits 3-0 offset. Its one variable, big-endian:
 *
 *   0..15 GUID | 16..17 sequence | 18..21 local time, seconds since 1998 | 22..23 UTC offset in minutes | 24 trap source | 25 event source
 *   | 26 severity | 27 sensor device | 28 sensor number | 29 entity | 30 instance | 31..38 event data | 39 language | 40..43 manufacturer
 *   | 44..45 system | 46.. maker's own, to C1h
 */
const ENTERPRISE = '1.3.6.1.4.1.3183.1.1';
const VARIABLE = `${ENTERPRISE}.1`;
const ENTERPRISE_SPECIFIC = 6;
const FIXED_BYTES = 46;
/** 1998-01-01, in seconds of Unix. */
const EPOCH_SECONDS = 883_612_800;
const OFFSET_UNKNOWN = 0xffff;
const NO_SENSOR = 0xff;
const FROM_IPMI = 0x20;
const LANGUAGE_UNKNOWN = 0xff;
const END_OF_FIELDS = 0xc1;
/** A trap with the longest strings of a maker's; a BMC does not cut its traps into pieces. */
export const TRAP_BYTES_MAX = 1472;

const SEVERITIES: Readonly<Record<number, PlatformTrap['severity']>> = {
  0x01: 'ok',
  0x02: 'ok',
  0x04: 'ok',
  0x08: 'warning',
  0x10: 'critical',
  0x20: 'critical',
};

export function decodePlatformTrap(bytes: Buffer): PlatformTrap | Malformed {
  const trap = decodeSnmpTrap(bytes);
  if (isMalformed(trap)) return trap;
  const { specific, variable } = trap;
  if (trap.enterprise !== ENTERPRISE || trap.generic !== ENTERPRISE_SPECIFIC) return malformed('the trap is no platform event trap', 0);
  const { octets } = variable;
  if (octets.length < FIXED_BYTES) return malformed('PET is shorter than 46 bytes', octets.length);
  const guid = decodeSystemGuid(octets.subarray(0, 16));
  if (isMalformed(guid)) return guid;
  const [sensorType, eventType] = [(specific >> 16) & 0xff, (specific >> 8) & 0x7f];
  const offset = specific & 0x0f;
  const isOver = (specific & 0x80) !== 0;
  const state = stateName(eventType, sensorType, offset);
  const sensor = octets[28] === NO_SENSOR || octets[28] === 0 ? undefined : octets[28];
  const seconds = octets.readUInt32BE(18);
  const minutes = octets.readUInt16BE(22) === OFFSET_UNKNOWN ? 0 : octets.readInt16BE(22);
  const isOfSensor = sensorType !== 0 || eventType !== 0;
  return {
    community: trap.community,
    sequence: octets.readUInt16BE(16),
    guid,
    atMs: seconds === 0 ? undefined : (EPOCH_SECONDS + seconds - minutes * 60) * 1000,
    severity: isOver ? 'ok' : (SEVERITIES[octets[26]!] ?? severityOfState(state)),
    message: isOfSensor ? `${sensorTypeName(sensorType)}: ${state}${isOver ? ' is over' : ''}` : 'a trap of no event, sent to try the way',
    sensorType,
    sensorNumber: sensor,
    eventType,
    offset,
    isOver,
    entity: octets[29]!,
    entityInstance: octets[30]!,
    manufacturerId: octets.readUInt32BE(40),
    systemId: octets.readUInt16BE(44),
    acknowledgement: acknowledgementOf(octets),
  };
}

/** PET Acknowledge (IPMI 2.0 §30.8): 0..1 sequence | 2..5 time | 6 event source | 7 sensor device | 8 sensor number | 9..11 event data; numbers as IPMI has them. */
function acknowledgementOf(octets: Buffer): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt16LE(octets.readUInt16BE(16), 0);
  data.writeUInt32LE(octets.readUInt32BE(18), 2);
  data.set([octets[25]!, octets[27]!, octets[28]!, octets[31]!, octets[32]!, octets[33]!], 6);
  return data;
}

export interface TrapToSend {
  readonly community: string;
  readonly agentAddress: string;
  readonly uptimeMs: number;
  readonly guid: string;
  readonly sequence: number;
  /** Undefined: the clock was not set. */
  readonly atSeconds: number | undefined;
  /** As the filter has it. */
  readonly severity: number;
  readonly entity: number;
  readonly entityInstance: number;
  readonly manufacturerId: number;
  readonly systemId: number;
  /** Bytes 8 to 16 of an entry of the event log: generator, sensor, event; undefined: of no event. */
  readonly event:
    | { readonly device: number; readonly sensorType: number; readonly sensor: number; readonly trigger: number; readonly data: Buffer }
    | undefined;
  /** Goes along as a text of the maker's. */
  readonly text: string;
}

export function encodePlatformTrap(trap: TrapToSend): { readonly bytes: Buffer; readonly acknowledgement: Buffer } {
  const { event } = trap;
  const octets = Buffer.alloc(FIXED_BYTES);
  encodeSystemGuid(trap.guid).copy(octets);
  octets.writeUInt16BE(trap.sequence, 16);
  octets.writeUInt32BE(trap.atSeconds === undefined ? 0 : Math.max(0, trap.atSeconds - EPOCH_SECONDS), 18);
  octets.set([FROM_IPMI, FROM_IPMI, trap.severity, event?.device ?? NO_SENSOR, event?.sensor ?? NO_SENSOR], 24);
  octets.set([trap.entity, trap.entityInstance, ...(event?.data ?? [])], 29);
  octets[39] = LANGUAGE_UNKNOWN;
  octets.writeUInt32BE(trap.manufacturerId, 40);
  octets.writeUInt16BE(trap.systemId, 44);
  const specific =
    event === undefined ? 0 : (event.sensorType << 16) | ((event.trigger & 0x7f) << 8) | (event.trigger & 0x80) | (event.data[0]! & 0x0f);
  const bytes = encodeSnmpTrap({
    community: trap.community,
    enterprise: ENTERPRISE,
    agentAddress: trap.agentAddress,
    generic: ENTERPRISE_SPECIFIC,
    specific,
    ticks: Math.floor(trap.uptimeMs / 10) % 0x1_0000_0000,
    variable: { oid: VARIABLE, octets: Buffer.concat([octets, makersText(trap.text), Buffer.from([END_OF_FIELDS])]) },
  });
  return { bytes, acknowledgement: acknowledgementOf(octets) };
}

/** A field as a FRU has it: type 3 and length, then the text. */
const makersText = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'latin1').subarray(0, 63);
  return bytes.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0xc0 | bytes.length]), bytes]);
};
