import { isMalformed } from '../../core/base/malformed.ts';
import { BmcError } from '../capability.ts';
import type { HardwarePart } from '../part.ts';
import type { Sensor, SensorThresholds } from '../sensor.ts';
import { COMPLETION, TOO_MUCH } from './completion-code-codec.ts';
import { entityName } from './entity-codec.ts';
import { IpmiCompletionError, type IpmiEndpoint } from './ipmi-endpoint.ts';
import { BMC_ADDRESS, type MessageTarget } from './message-codec.ts';
import { partsOf } from './part-policy.ts';
import { decodeSdr, type SdrRecord, type SensorRecord } from './sdr-record-codec.ts';
import { decodeReservation, decodeSdrPiece, getSdr, reserveSdr, SDR_HEAD_BYTES, SDR_LAST } from './sdr-repository-codec.ts';
import { NON_LINEAR, toReading, type SensorFactors } from './sensor-conversion-codec.ts';
import {
  decodeReadingFactors,
  decodeSensorReading,
  decodeSensorThresholds,
  getReadingFactors,
  getSensorReading,
  getSensorThresholds,
  THRESHOLD_NAMES,
} from './sensor-reading-codec.ts';
import { sensorTypeName, severityOfState, stateNames } from './sensor-state-codec.ts';

/** All sensor records of a BMC, and what its own sensors read, and those of controllers behind it. */
const CHUNK_BYTES_MAX = 16;
const CHUNK_BYTES_MIN = 4;
/** Big machines have some hundred; a list that runs in a circle is broken. */
const RECORDS_MAX = 2048;
const RESERVATIONS_MAX = 5;
const THRESHOLD_SENSOR = 1;

const isTooMuch = (error: unknown): boolean => error instanceof IpmiCompletionError && TOO_MUCH.includes(error.completion);

/** A piece, or a smaller one where the BMC gives no more at once: `room` remembers. */
async function readPiece(
  endpoint: IpmiEndpoint,
  at: { reservation: number; id: number; offset: number; wanted: number },
  room: { bytes: number },
  signal: AbortSignal,
): Promise<Buffer> {
  for (;;)
    try {
      const request = getSdr(at.reservation, at.id, at.offset, Math.min(room.bytes, at.wanted));
      return (await endpoint.ask(request, decodeSdrPiece, signal)).bytes;
    } catch (error) {
      if (!isTooMuch(error) || room.bytes <= CHUNK_BYTES_MIN) throw error;
      room.bytes /= 2;
    }
}

async function readRecord(endpoint: IpmiEndpoint, reservation: number, id: number, room: { bytes: number }, signal: AbortSignal) {
  const head = await endpoint.ask(getSdr(reservation, id, 0, SDR_HEAD_BYTES), decodeSdrPiece, signal);
  const pieces = [head.bytes];
  const total = SDR_HEAD_BYTES + (head.bytes[4] ?? 0);
  // The id "first" stands for another: later pieces are asked for by the record's own.
  const ownId = head.bytes.length >= 2 ? head.bytes.readUInt16LE(0) : id;
  for (let offset = SDR_HEAD_BYTES; offset < total;) {
    const bytes = await readPiece(endpoint, { reservation, id: ownId, offset, wanted: total - offset }, room, signal);
    if (bytes.length === 0) break;
    pieces.push(bytes);
    offset += bytes.length;
  }
  return { next: head.next, record: Buffer.concat(pieces) };
}

const isCancelled = (error: unknown): boolean =>
  error instanceof IpmiCompletionError && error.completion === COMPLETION.reservationCancelled;

/** A record that makes no sense is told as not understood: the others still say something. */
export async function readSdrs(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<SdrRecord[]> {
  const records: SdrRecord[] = [];
  let reservation = await endpoint.ask(reserveSdr, decodeReservation, signal);
  const room = { bytes: CHUNK_BYTES_MAX };
  let cancelled = 0;
  for (let id = 0, count = 0; id !== SDR_LAST && count < RECORDS_MAX;) {
    try {
      const { next, record } = await readRecord(endpoint, reservation, id, room, signal);
      const decoded = decodeSdr(record);
      records.push(isMalformed(decoded) ? { kind: 'unknown', type: record[3] ?? 0 } : decoded);
      id = next;
      count += 1;
      cancelled = 0;
    } catch (error) {
      if (isCancelled(error) && (cancelled += 1) < RESERVATIONS_MAX)
        reservation = await endpoint.ask(reserveSdr, decodeReservation, signal);
      else if (error instanceof IpmiCompletionError && error.completion === COMPLETION.notPresent && id === 0) return [];
      else throw error;
    }
  }
  return records;
}

/** What this sensor does not have; only real failures are failures. */
const orNothing = async <Value>(reading: Promise<Value>): Promise<Value | undefined> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof IpmiCompletionError && !error.retryable) return undefined;
    if (error instanceof BmcError && error.code === 'protocol') return undefined;
    throw error;
  }
};

const HEALTH_BY_STATES: readonly (readonly [number, Sensor['health']])[] = [
  [0x36, 'critical'],
  [0x09, 'warning'],
];

export async function thresholdsOf(
  endpoint: IpmiEndpoint,
  record: SensorRecord,
  factors: SensorFactors,
  signal: AbortSignal,
): Promise<SensorThresholds> {
  const raw = (await orNothing(endpoint.ask(getSensorThresholds(record.number, targetOf(record)), decodeSensorThresholds, signal))) ?? [];
  return Object.fromEntries(
    THRESHOLD_NAMES.flatMap((name, index) => {
      const byte = raw[index];
      const value = byte === undefined ? undefined : toReading(byte, record.format, factors, record.linearization);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function readOne(endpoint: IpmiEndpoint, record: SensorRecord, signal: AbortSignal): Promise<Sensor> {
  const reading = await orNothing(endpoint.ask(getSensorReading(record.number, targetOf(record)), decodeSensorReading, signal));
  const named = { ...nameOf(record), ...(record.unit === undefined ? {} : { unit: record.unit }) };
  if (record.eventType !== THRESHOLD_SENSOR) {
    const states = reading?.isAvailable ? stateNames(record.eventType, record.sensorType, reading.states) : [];
    const health = (['critical', 'warning'] as const).find((each) => states.some((state) => severityOfState(state) === each));
    return { ...named, health: reading?.isAvailable ? (health ?? 'ok') : 'absent', thresholds: {}, states };
  }
  const isNonLinear = record.linearization >= NON_LINEAR && reading !== undefined;
  const own = isNonLinear
    ? await orNothing(endpoint.ask(getReadingFactors(record.number, reading.raw, targetOf(record)), decodeReadingFactors, signal))
    : undefined;
  const factors = own ?? record.factors;
  const thresholds = await thresholdsOf(endpoint, record, factors, signal);
  if (!reading?.isAvailable) return { ...named, health: 'absent', thresholds };
  const value = toReading(reading.raw, record.format, factors, record.linearization);
  const health = HEALTH_BY_STATES.find(([mask]) => (reading.states & mask) !== 0)?.[1] ?? 'ok';
  return { ...named, ...(value === undefined ? {} : { value }), health, thresholds };
}

/** Undefined: the BMC itself. */
export const targetOf = ({ owner, lun, channel }: SensorRecord): MessageTarget | undefined =>
  owner === BMC_ADDRESS && lun === 0 ? undefined : { address: owner, lun, channel };
/** Software of the system, which no message reaches (table 5-4). */
const isSoftware = ({ owner }: SensorRecord) => (owner & 1) === 1;

function nameOf({ name, sensorType, entity }: SensorRecord): Pick<Sensor, 'name' | 'kind' | 'entity'> {
  const of = entityName(entity);
  return { name, kind: sensorTypeName(sensorType), ...(of === undefined ? {} : { entity: of }) };
}

export const isSensorOfBmc = (record: SdrRecord): record is SensorRecord =>
  (record.kind === 'full' || record.kind === 'compact') && !isSoftware(record);

const absent = (record: SensorRecord): Sensor => ({
  ...nameOf(record),
  health: 'absent',
  thresholds: {},
});

export async function readSensors(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<Sensor[]> {
  const records = (await readSdrs(endpoint, signal)).filter(isSensorOfBmc);
  const sensors: Sensor[] = [];
  /** Controllers behind the BMC that did not answer: each question to one costs seconds. */
  const silent = new Set<number>();
  // One after another: a BMC has one session of ours and answers one request at a time.
  for (const record of records) {
    if (silent.has(record.owner)) {
      sensors.push(absent(record));
      continue;
    }
    try {
      sensors.push(await readOne(endpoint, record, signal));
    } catch (error) {
      if (signal.aborted || record.owner === BMC_ADDRESS || !(error instanceof BmcError)) throw error;
      silent.add(record.owner);
      sensors.push(absent(record));
    }
  }
  return sensors;
}

export const readParts = async (endpoint: IpmiEndpoint, signal: AbortSignal): Promise<readonly HardwarePart[]> =>
  partsOf(await readSdrs(endpoint, signal));
