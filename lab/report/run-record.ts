import type { JsonObject } from '../../core/base/json.ts';
import type { FaultReport } from '../fault/fault-book.ts';
import type { MachineReport } from '../scenario/machine-walk.ts';

/** A run of the lab as it is shown: plain values, no files. */
export interface RunRecord {
  readonly ok: boolean;
  readonly seed: number;
  /** What was typed behind `rackwright lab`. */
  readonly command: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly machines: readonly MachineRecord[];
  readonly faults: readonly FaultReport[];
  readonly captures: readonly CaptureRecord[];
}

export interface MachineRecord {
  readonly report: MachineReport;
  /** Oldest first. */
  readonly events: readonly EventRecord[];
  /** From the rack, not from the product: what the machine really did. */
  readonly power: readonly { readonly atMs: number; readonly state: 'on' | 'off' }[];
  /** The serial console as text, without escape sequences. */
  readonly console: readonly string[];
}

export interface EventRecord {
  readonly atMs: number;
  readonly source: string;
  readonly kind: string;
  readonly severity: string;
  readonly message: string;
  readonly evidence: JsonObject;
}

export interface CaptureRecord {
  /** Below the run's folder. */
  readonly file: string;
  readonly bytes: number;
  readonly frames: number;
  /** The frames that tell the story of a boot. */
  readonly packets: readonly PacketRecord[];
  /** More than are kept. */
  readonly packetsLeftOut: number;
}

export interface PacketRecord {
  readonly atMs: number;
  readonly protocol: 'DHCP' | 'TFTP' | 'HTTP';
  readonly text: string;
}
