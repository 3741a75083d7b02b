import type { InventoryDisk } from '../../protocol.ts';

/** Disks as the steps see them: the kernel's block devices in a machine, plain files in tests. */
export interface Disks {
  list(): Promise<readonly InventoryDisk[]>;
  open(disk: InventoryDisk): Promise<OpenDisk>;
}

export interface OpenDisk {
  readonly facts: InventoryDisk;
  read(offset: number, length: number): Promise<Buffer>;
  /** Offset and length are multiples of the logical block. */
  write(offset: number, bytes: Buffer): Promise<void>;
  /** Makes the range read as zeros, by whatever the device does fastest. */
  zero(offset: number, length: number): Promise<void>;
  /** Tells the device that nothing in the range is needed; false when it cannot. What it reads afterwards is not promised. */
  discard(offset: number, length: number): Promise<boolean>;
  /** The device has it all, and later reads come from the device. */
  flush(): Promise<void>;
  /** Erases by a command of the device itself (NVMe format or sanitize, ATA secure erase); undefined when it has none. */
  eraseByDevice(signal: AbortSignal): Promise<'nvme-format' | 'nvme-sanitize' | 'ata-secure-erase' | undefined>;
  /** The kernel looks at the partition table again. */
  rereadPartitions(): Promise<void>;
  close(): Promise<void>;
}
