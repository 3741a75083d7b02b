import type { Clock } from '../../../core/base/clock.ts';
import type { Json, JsonObject } from '../../../core/base/json.ts';
import type { Inventory, Progress, StepDeclaration } from '../../protocol.ts';
import type { LogLine } from '../control/log-shipper.ts';
import type { Disks } from '../disks/disk.ts';
import type { PartitionHost } from '../instance/partition-host.ts';
import type { Firmware } from '../firmware/firmware.ts';
import type { BmcDevice } from '../bmc/bmc-device.ts';

/** What a step may use. Everything that touches the machine comes in here, so that tests can stand in for it. */
export interface StepContext {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: LogLine;
  readonly progress: (progress: Progress) => void;
  readonly disks: Disks;
  readonly firmware: Firmware;
  readonly partitions: PartitionHost;
  readonly openBmc: () => Promise<BmcDevice | undefined>;
  readonly collectInventory: () => Promise<Inventory>;
  /** Turns the `url` of `write_image` into a whole one. */
  readonly imageUrl: (url: string) => URL;
}

export interface Step {
  /** One for each phase that the step takes part in; none for steps that the control plane calls by name only. */
  readonly declarations: readonly StepDeclaration[];
  run(args: JsonObject, context: StepContext): Promise<Json>;
}
