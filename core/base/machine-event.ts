import type { JsonObject } from './json.ts';

/**
 * One line of a machine's flight recorder. Device rooms emit these through a `RecordEvent` function that they are
 * given; the control plane resolves `machine` to a node and keeps them in one timeline.
 */
export interface MachineEvent {
  readonly atMs: number;
  /** Where it was seen. */
  readonly source:
    | 'boot'
    | 'dhcp'
    | 'router-advertisement'
    | 'tftp'
    | 'http'
    | 'bmc'
    | 'agent'
    | 'console'
    | 'node'
    | 'flow'
    | 'switch'
    | 'lab';
  /** Dotted kind within the source, for example `dhcp.offer`, `tftp.read`, `http.get`, `bmc.power`, `node.state`. */
  readonly kind: string;
  readonly severity: 'debug' | 'info' | 'warning' | 'error';
  /** One sentence for a person. */
  readonly message: string;
  /** Who it is about, as well as the source knows. At least one of the fields is set. */
  readonly machine: { readonly nodeId?: string; readonly mac?: string; readonly ipAddress?: string; readonly bmcAddress?: string };
  /** Facts for `explain`: sizes in bytes, durations in ms, transaction ids. Never a secret. */
  readonly evidence?: JsonObject;
  /** Joins the events of one power-on, one transfer or one DHCP exchange. */
  readonly correlationId?: string;
}

export type RecordEvent = (event: MachineEvent) => void;
