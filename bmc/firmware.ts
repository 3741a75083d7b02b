import type { BmcTask } from './task.ts';

/** The software of a machine that its BMC knows of and can replace. */
export interface FirmwareItem {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly updateable: boolean;
}

export interface FirmwareUpdate {
  /** The BMC fetches the image from here; we do for one that can not, and hand it on. */
  readonly url: string;
  /** Id of the item that it is for; undefined: the BMC finds that out from the image. */
  readonly target?: string;
}

export interface FirmwareCalls {
  firmwareInventory(signal: AbortSignal): Promise<readonly FirmwareItem[]>;
  updateFirmware(update: FirmwareUpdate, signal: AbortSignal): Promise<BmcTask>;
}
