import type { Clock } from '../../core/base/clock.ts';

/** A System Event Log (IPMI 2.0 §31-32): 16-byte records, oldest dropped when full. */
export interface EventLog {
  /** BMC time minus the clock's, in seconds: what Set SEL Time changes. */
  offsetSeconds: number;
  nowSeconds(): number;
  entries(): readonly EventRecord[];
  add(record: Buffer): number;
  addPowerEvent(state: 'on' | 'off'): void;
  addNmiEvent(): void;
  clear(): void;
  readonly addedAtSeconds: number;
  readonly clearedAtSeconds: number;
}

export interface EventRecord {
  readonly id: number;
  readonly bytes: Buffer;
}

export const EVENT_LOG_ENTRIES_MAX = 512;
const SENSOR_TYPE_POWER_UNIT = 0x09;
const SENSOR_POWER_UNIT = 0x10;
const SENSOR_NMI = 0x11;
const SENSOR_SPECIFIC = 0x6f;
const DEASSERTED = 0x80;

export function createEventLog(clock: Clock, onAdded: (entry: EventRecord) => void = () => {}): EventLog {
  let entries: EventRecord[] = [];
  let lastId = 0;
  const log = {
    offsetSeconds: 0,
    addedAtSeconds: 0,
    clearedAtSeconds: 0,
    nowSeconds: () => Math.floor(clock.nowMs() / 1000) + log.offsetSeconds,
    entries: () => entries,
    add(record: Buffer) {
      lastId = lastId >= 0xfffe ? 1 : lastId + 1;
      const bytes = Buffer.alloc(16);
      record.copy(bytes);
      bytes.writeUInt16LE(lastId, 0);
      // OEM records from 0xe0 on carry no timestamp.
      if (bytes[2]! < 0xe0) bytes.writeUInt32LE(log.nowSeconds() >>> 0, 3);
      entries = [...entries.slice(1 - EVENT_LOG_ENTRIES_MAX), { id: lastId, bytes }];
      log.addedAtSeconds = log.nowSeconds();
      onAdded(entries.at(-1)!);
      return lastId;
    },
    /** Offset 0 of sensor type "power unit" is "power off / power down": on is its end. */
    addPowerEvent(state: 'on' | 'off') {
      const direction = SENSOR_SPECIFIC | (state === 'on' ? DEASSERTED : 0);
      log.add(Buffer.from([0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, SENSOR_TYPE_POWER_UNIT, SENSOR_POWER_UNIT, direction, 0, 0xff, 0xff]));
    },
    /** Offset 0 of sensor type "critical interrupt": front panel NMI / diagnostic interrupt. */
    addNmiEvent() {
      log.add(Buffer.from([0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 0x13, SENSOR_NMI, SENSOR_SPECIFIC, 0, 0xff, 0xff]));
    },
    clear() {
      entries = [];
      log.clearedAtSeconds = log.nowSeconds();
    },
  };
  return log;
}
