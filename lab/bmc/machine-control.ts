/** What an emulated BMC needs from the machine behind it: a QEMU process, or a simulated one. */
export type MachineBootDevice = 'none' | 'network' | 'disk' | 'cdrom' | 'firmware-setup' | 'safe';

export interface MachineBoot {
  /** `none`: the firmware's own order. */
  readonly device: MachineBootDevice;
  readonly persistent: boolean;
  /** Absent: as the machine is built. */
  readonly firmwareMode?: 'bios' | 'uefi';
}

export interface MachineDisk {
  readonly name: string;
  readonly serial: string;
  readonly sizeBytes: number;
  readonly bus: 'SATA' | 'SAS' | 'NVMe';
  readonly media: 'HDD' | 'SSD';
}

export type MachineMediaKind = 'cdrom' | 'disk';

export interface MachineControl {
  powerState(): 'on' | 'off';
  powerOn(boot: MachineBoot): Promise<void>;
  powerOff(): Promise<void>;
  /** Presses the power button: the operating system decides. */
  softOff(): Promise<void>;
  reset(boot: MachineBoot): Promise<void>;
  onPowerChange(listener: (state: 'on' | 'off') => void): () => void;
  /** How its board starts systems; undefined: as it is told. */
  readonly firmwareMode?: 'bios' | 'uefi';
  /** Its firmware checks signatures from the start. */
  readonly hasSecureBoot?: boolean;
  readonly disks?: readonly MachineDisk[];
  injectNmi(): Promise<void>;
  /** Fetches the image and shows it to the machine; @throws when it cannot be fetched. */
  insertMedia?(kind: MachineMediaKind, url: string): Promise<void>;
  ejectMedia?(kind: MachineMediaKind): Promise<void>;
  readonly console: {
    write(bytes: Buffer): void;
    onData(listener: (bytes: Buffer) => void): () => void;
  };
  /** Unix socket on which the machine's KCS chip finds its BMC (`ipmi-bmc-extern` as the client). */
  readonly kcsSocketPath?: string;
}
