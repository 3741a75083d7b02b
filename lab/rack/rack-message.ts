import type { JsonObject } from '../../core/base/json.ts';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import type { TlsIdentity } from '../../core/base/tls-identity.ts';
import type { BmcFaults } from '../bmc/bmc-faults.ts';
import type { FrameFaults } from '../switch/frame-faults.ts';
import type { DiskState } from '../machine/qemu-command.ts';
import type { RackSpec } from '../topology.ts';

/** What the lab and its rack process say to each other: JSON lines on the rack's standard input and output. */
/** What goes wrong in the rack itself, drawn from the spec's seed. */
export interface RackFaults {
  readonly frames?: FrameFaults;
  readonly bmc?: BmcFaults;
}

export interface RackConfig {
  readonly spec: RackSpec;
  readonly faults: RackFaults;
  readonly runDirectory: string;
  /** Unix sockets live here; the rack process removes it. */
  readonly socketDirectory: string;
  readonly relaySocket: string;
  /** What the leaf switch's management shows. */
  readonly leafTls: TlsIdentity;
}

export type RackVerb =
  | { readonly verb: 'spawn'; readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>>; readonly logFile: string }
  | { readonly verb: 'kill'; readonly pid: number; readonly signal: string }
  | { readonly verb: 'power'; readonly machine: string; readonly action: PowerAction; readonly device: 'none' | 'network' | 'disk' }
  | { readonly verb: 'link'; readonly machine: string; readonly nic: number; readonly up: boolean }
  | { readonly verb: 'vlan'; readonly machine: string; readonly nic: number; readonly vlan: number; readonly tagged: boolean }
  | { readonly verb: 'plug'; readonly machine: string; readonly nic: number; readonly switchPort: number }
  | { readonly verb: 'disk'; readonly machine: string; readonly disk: number; readonly state: DiskState }
  | { readonly verb: 'counters' }
  | { readonly verb: 'restart-leaf' }
  | { readonly verb: 'fault-counts' }
  | { readonly verb: 'stop' };

export type PowerAction = 'on' | 'off' | 'soft-off' | 'reset';

export type RackRequest = RackVerb & { readonly id: number };

export type RackEvent =
  | { readonly kind: 'power'; readonly atMs: number; readonly machine: string; readonly state: 'on' | 'off' }
  | { readonly kind: 'console'; readonly atMs: number; readonly machine: string; readonly line: string }
  | { readonly kind: 'machine-event'; readonly atMs: number; readonly machine: string; readonly event: MachineEvent }
  | {
      readonly kind: 'process-exit';
      readonly atMs: number;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
    };

export type RackLine =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly result: JsonObject }
  | { readonly kind: 'refusal'; readonly id: number; readonly reason: string }
  | RackEvent;
