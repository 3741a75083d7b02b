import type { Json, JsonObject } from '../core/base/json.ts';

/**
 * The contract between the control plane and the agent in the ramdisk. The agent only ever calls out: HTTPS to the API
 * that its kernel command line names, with the certificate pinned (`rackwright.pin=<hex SHA-256 of the DER certificate>`).
 * The Bare Metal v1 forms (`lookup`, `heartbeat`, `continue_inspection`) are kept; commands are a long poll beside them.
 *
 *   1. POST /baremetal/v1/continue_inspection   boot token          {@link InspectionReport}  -> 200 {@link InspectionAnswer}
 *   2. GET  /baremetal/v1/lookup?node_uuid=…&addresses=mac,mac      boot token     -> 200 {@link LookupAnswer}
 *   3. POST /baremetal/v1/heartbeat/{uuid}      {@link Heartbeat}, agent token in the body (its Ironic form) -> 202
 *   4. GET  /baremetal/v1/agent/{uuid}/command?wait=25   agent token -> 200 {@link AgentCommand} | 204 nothing yet
 *   5. POST /baremetal/v1/agent/{uuid}/report   agent token  {@link AgentReport} -> 200 {@link ReportAnswer}
 *   6. POST /baremetal/v1/agent/{uuid}/log      agent token  {@link AgentLog} -> 204
 *
 * Headers: `X-Rackwright-Boot-Token` (from `rackwright.token=`) and `X-Rackwright-Agent-Token`. A 401 or 403 on the agent
 * token means that the node was given to a newer boot: the agent goes back to step 1 once, then reboots.
 * Commands are idempotent by `id`: the agent answers a repeated id with the report that it already has.
 */
export const AGENT_PROTOCOL_VERSION = 1;

export const BOOT_TOKEN_HEADER = 'x-rackwright-boot-token';
export const AGENT_TOKEN_HEADER = 'x-rackwright-agent-token';

export interface InspectionReport {
  readonly protocol: typeof AGENT_PROTOCOL_VERSION;
  readonly agentVersion: string;
  /** The NIC that booted, as the kernel command line names it. */
  readonly bootMac: string;
  readonly inventory: Inventory;
  readonly steps: readonly StepDeclaration[];
}

export interface InspectionAnswer {
  readonly uuid: string;
}

export interface LookupAnswer {
  readonly node: { readonly uuid: string; readonly name: string | null };
  readonly config: { readonly agent_token: string; /** seconds */ readonly heartbeat_timeout: number };
}

export interface Heartbeat {
  /** Ironic's clients expect one; this agent has no listener and sends the empty string. */
  readonly callback_url: string;
  readonly agent_version: string;
  readonly agent_token: string;
  readonly agent_status: 'start' | 'idle' | 'busy';
}

/** One unit of work. `id` is stable across retries of the same step and different for every new decision to do it. */
export interface AgentCommand {
  readonly id: string;
  readonly step: AgentStepName;
  readonly args: JsonObject;
  /** The agent gives up by itself after this long. */
  readonly timeoutSeconds: number;
}

export interface AgentReport {
  readonly commandId: string;
  readonly status: 'running' | 'succeeded' | 'failed';
  readonly progress?: Progress;
  readonly result?: Json;
  readonly error?: AgentError;
}

export interface Progress {
  /** What is going on, for a person: `writing debian-12.raw.zst to /dev/vda`. */
  readonly phase: string;
  readonly done: number;
  /** Absent when unknown. */
  readonly total?: number;
  readonly unit: 'bytes' | 'disks' | 'steps';
}

/** `abort`: an operator or a deadline gave up; the agent stops the command at the next safe point and reports `failed`. */
export interface ReportAnswer {
  readonly abort: boolean;
}

export interface AgentLog {
  readonly lines: readonly { readonly atMs: number; readonly level: 'debug' | 'info' | 'warning' | 'error'; readonly text: string }[];
}

/** Named causes: the control plane turns each into the node's `last_error` and a next action. */
export type AgentErrorCode =
  | 'image-checksum'
  | 'image-short'
  | 'image-unreachable'
  | 'image-format'
  | 'disk-too-small'
  | 'disk-not-found'
  | 'disk-not-in-plan'
  | 'disk-write'
  | 'no-root-device'
  | 'burn-in-failed'
  | 'bmc-not-present'
  | 'bmc-refused'
  | 'step-unknown'
  | 'step-arguments'
  | 'timeout'
  | 'aborted'
  | 'internal';

export interface AgentError {
  readonly code: AgentErrorCode;
  readonly message: string;
  readonly advice: string;
  readonly evidence?: JsonObject;
}

// --- steps -----------------------------------------------------------------------------------------------------------

/** Ironic's vocabulary: interface and step name; in-band steps come from the agent, out-of-band ones from the drivers. */
export interface StepDeclaration {
  readonly phase: 'inspect' | 'clean' | 'deploy';
  readonly interface: 'deploy' | 'management' | 'raid' | 'bios' | 'power';
  readonly step: AgentStepName;
  /** Automatic cleaning and deploying run the steps with a priority above 0, highest first. */
  readonly priority: number;
  readonly abortable: boolean;
  readonly rebootRequested: boolean;
  readonly argsinfo: Readonly<Record<string, { readonly description: string; readonly required: boolean }>>;
}

export type AgentStepName =
  | 'collect_inventory'
  | 'put_bmc_user'
  | 'erase_devices_metadata'
  | 'erase_devices'
  | 'burnin_cpu'
  | 'burnin_memory'
  | 'burnin_disk'
  | 'burnin_network'
  | 'write_image'
  | 'write_configdrive'
  | 'install_bootloader'
  | 'install_boot_entry'
  | 'start_rescue'
  | 'run_scripts'
  | 'check_disks'
  | 'create_configuration'
  | 'apply_configuration'
  | 'delete_configuration'
  | 'sync_and_stop';

/** A disk of the plan. The agent finds it by serial (and WWN where both sides have one), checks the size, and writes to nothing else. */
export interface PlannedDisk {
  readonly serial: string;
  readonly wwn?: string;
  readonly sizeBytes: number;
}

/** `put_bmc_user` args; the answer is {@link BmcFound}. */
export interface PutBmcUserArgs {
  readonly username: string;
  readonly password: string;
}

export interface BmcFound {
  readonly ipAddress: string;
  readonly mac: string;
  readonly channel: number;
  readonly userId: number;
}

/** `erase_devices_metadata` and `erase_devices` args. */
export interface EraseArgs {
  readonly disks: readonly PlannedDisk[];
}

/** One for each disk, kept with the node: proof of what was done. */
export interface EraseReceipt {
  readonly serial: string;
  readonly device: string;
  readonly sizeBytes: number;
  readonly method: 'metadata-wipe' | 'discard' | 'nvme-format' | 'nvme-sanitize' | 'ata-secure-erase' | 'overwrite-zero';
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Blocks read back after the erase, and how many of them held only zeros. */
  readonly samplesRead: number;
  readonly samplesZero: number;
}

export interface WriteImageArgs {
  /** Path below the boot server's `/images/<token>/`, or a whole http(s) URL. */
  readonly url: string;
  /** Of the disk image; the compression is told by `compression`. */
  readonly format: 'raw' | 'qcow2';
  readonly compression: 'none' | 'gzip' | 'zstd' | 'xz';
  /** Of the bytes on the wire, in hex. */
  readonly checksum: string;
  readonly checksumAlgorithm: 'sha256' | 'sha512' | 'md5';
  /** Bytes on the wire, when known. */
  readonly sizeBytes?: number;
  /** Size of the unpacked disk image, when known: checked against the disk before a byte is written. */
  readonly diskSizeBytes?: number;
  /** The image is one file system, not a disk: it goes into a root partition, with these around it. */
  readonly partitions?: PartitionRequest;
  readonly disk: PlannedDisk;
}

/** What is made around a partition image. Sizes in MiB; 0: none. */
export interface PartitionRequest {
  /** Undefined: all that is left. */
  readonly rootMib?: number;
  readonly swapMib: number;
  readonly ephemeralMib: number;
  readonly ephemeralFormat: EphemeralFormat;
  /** The ephemeral partition of the deployment before is left as it is. */
  readonly preserveEphemeral: boolean;
}

export const EPHEMERAL_FORMATS = ['ext4', 'ext3', 'ext2', 'vfat'] as const;
export type EphemeralFormat = (typeof EPHEMERAL_FORMATS)[number];

/** `install_bootloader` args: only after a partition image. */
export interface InstallBootloaderArgs {
  readonly disk: PlannedDisk;
}

export interface WriteImageResult {
  readonly device: string;
  readonly wireBytes: number;
  readonly imageBytes: number;
  /** Bytes that were really written (the rest were zeros on an erased or discarded range). */
  readonly writtenBytes: number;
  readonly checksum: string;
  /** True when what is on the disk was read back and equals what was written. */
  readonly verified: boolean;
  readonly seconds: number;
  /** Of these, what the disk was waited for while the image was written, flushed and read back. */
  readonly diskSeconds: number;
}

/** `write_configdrive` args: an ISO 9660 or VFAT image with the label `config-2`, base64 of its gzip (the form of the Bare Metal API). */
export interface WriteConfigDriveArgs {
  readonly disk: PlannedDisk;
  readonly configDrive: string;
}

/** `install_boot_entry` args: on UEFI makes the disk's loader the first boot entry; on BIOS answers `skipped`. */
export interface InstallBootEntryArgs {
  readonly disk: PlannedDisk;
  /** Default `\\EFI\\BOOT\\BOOTX64.EFI`. */
  readonly loader?: string;
  readonly label?: string;
}

/** `start_rescue` args: one line; the user is `rescue`. */
export interface StartRescueArgs {
  readonly password: string;
}

/** `create_configuration`, `apply_configuration` and `delete_configuration` args; the answer has the machine's `disks` then. */
export interface RaidArgs {
  readonly disks: readonly PlannedDisk[];
  readonly raid_config?: JsonObject;
  readonly delete_existing?: boolean;
}

/** `run_scripts` args: all at once. The answer has {@link ScriptOutcome} for each script, or for each disk of one that is per disk. */
export interface RunScriptsArgs {
  readonly scripts: readonly {
    readonly name: string;
    readonly type: 'commissioning' | 'testing';
    readonly timeoutSeconds: number;
    readonly perDisk: boolean;
    /** One of the agent's own steps in place of the text. */
    readonly step?: { readonly name: string; readonly args: JsonObject };
    readonly content: string;
  }[];
}

export interface ScriptOutcome {
  readonly script: string;
  readonly type: 'commissioning' | 'testing';
  /** Name of the disk that it ran on; '': the machine. */
  readonly instance: string;
  readonly status: 'passed' | 'failed' | 'timed out' | 'not run';
  readonly exitStatus: number | null;
  /** The end of it, when it is long. */
  readonly output: string;
  readonly errorOutput: string;
  /** What the script left at `$RESULT_PATH`, or the step answered: a text of YAML or a value. */
  readonly result?: Json;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

// --- inventory -------------------------------------------------------------------------------------------------------

/** What the agent sees. A field is absent when the machine does not tell; nothing is guessed. */
export interface Inventory {
  readonly system: {
    readonly uuid?: string;
    readonly manufacturer?: string;
    readonly product?: string;
    readonly serial?: string;
    readonly boardSerial?: string;
    readonly chassisSerial?: string;
    readonly assetTag?: string;
    readonly firmwareVendor?: string;
    readonly firmwareVersion?: string;
    readonly firmwareDate?: string;
  };
  readonly boot: {
    readonly firmwareMode: 'bios' | 'uefi';
    readonly secureBoot?: boolean;
    /** UEFI: `Boot0001 UEFI PXEv4 …` in boot order. */
    readonly order: readonly string[];
    readonly currentEntry?: string;
  };
  readonly cpu: {
    readonly model: string;
    readonly architecture: string;
    readonly sockets: number;
    readonly cores: number;
    readonly threads: number;
    readonly flags: readonly string[];
  };
  readonly numaNodes: readonly { readonly id: number; readonly cpus: string; readonly memoryBytes: number }[];
  readonly memory: {
    readonly totalBytes: number;
    readonly dimms: readonly {
      readonly locator: string;
      readonly sizeBytes: number;
      readonly type?: string;
      readonly speedMtps?: number;
      readonly manufacturer?: string;
      readonly serial?: string;
      readonly partNumber?: string;
    }[];
  };
  readonly pci: readonly {
    readonly address: string;
    readonly vendor: string;
    readonly device: string;
    readonly class: string;
    readonly numaNode?: number;
    readonly driver?: string;
  }[];
  readonly disks: readonly InventoryDisk[];
  readonly nics: readonly InventoryNic[];
  readonly bmc?: { readonly ipAddress?: string; readonly mac?: string; readonly firmware?: string; readonly channel: number };
  readonly tpm?: { readonly version: string; readonly manufacturer?: string };
}

export interface InventoryDisk {
  readonly name: string;
  readonly device: string;
  readonly sizeBytes: number;
  readonly serial?: string;
  readonly wwn?: string;
  readonly model?: string;
  readonly vendor?: string;
  readonly rotational: boolean;
  readonly bus: 'nvme' | 'sata' | 'scsi' | 'virtio' | 'usb' | 'other';
  readonly hctl?: string;
  readonly byPath?: string;
  readonly logicalBlockBytes: number;
  readonly smart?: { readonly healthy: boolean; readonly temperatureCelsius?: number; readonly powerOnHours?: number };
  readonly canDiscard: boolean;
  /** A software array, and what it is made of by name. */
  readonly raid?: { readonly level: string; readonly members: readonly string[]; readonly state: string };
  /** The array that the disk is part of. */
  readonly memberOf?: string;
}

export interface InventoryNic {
  readonly name: string;
  readonly mac: string;
  readonly driver?: string;
  readonly pciAddress?: string;
  readonly vendor?: string;
  readonly device?: string;
  readonly hasCarrier: boolean;
  readonly speedMbps?: number;
  readonly ipAddress?: string;
  readonly lldp?: {
    readonly chassisId: string;
    readonly portId: string;
    readonly systemName?: string;
    readonly portDescription?: string;
    readonly vlan?: number;
  };
}
