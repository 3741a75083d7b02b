import type { DiskSpec, MachineSpec, NetworkBoot } from '../topology.ts';

/** A machine's QEMU command line, from its spec and the boot order that its BMC asks for. Nothing is started here. */
export interface QemuPaths {
  /** Unix sockets on which the rack listens; QEMU connects. */
  readonly qmpSocket: string;
  readonly consoleSocket: string;
  readonly kcsSocket?: string;
  /** By NIC, in the spec's order. */
  readonly nicSockets: readonly string[];
  /** By disk, in the spec's order. */
  readonly diskFiles: readonly string[];
  /** What blkdebug does to a disk with bad sectors (QEMU's docs/devel/blkdebug.txt). */
  readonly badSectorRules: string;
  /** Everything that the serial port ever said. */
  readonly consoleLog: string;
  readonly uefiCode?: string;
  readonly uefiVariables?: string;
  readonly tpmSocket?: string;
}

/** Image files in the virtual drives that the BMC shows. */
export interface InsertedMedia {
  readonly cdrom?: string;
  readonly disk?: string;
}

/** What is wrong with a disk from the next power-on. `lost-when-written`: it is pulled out as soon as its end is written to. */
export type DiskState = 'good' | 'bad-sectors' | 'slow' | 'vanished' | 'lost-when-written';

/** What a disk that is slow takes: a twentieth of what a slow one does that is well. One that is to be lost is slow too: bytes are on their way then. */
const SLOW_DISK_BYTES_PER_SECOND = 1_000_000;

/**
 * Writes that touch the third sector of the first partition fail, as on a disk without spare sectors: every image has bytes there, and the
 * partition table before it is written well.
 */
export const BAD_SECTOR_RULES = '[inject-error]\nevent = "none"\niotype = "write"\nerrno = "5"\nsector = "2050"\nonce = "off"\n';

/** Which class of devices the firmware tries first. The others follow. */
export type BootOrder = 'network-first' | 'disk-first' | 'media-first';

/** A CPU that server boards have: `max` computes pointer signatures in software, which costs twice the time. */
const EMULATION = {
  x86_64: { program: 'qemu-system-x86_64', machine: 'q35', cpu: 'max' },
  aarch64: { program: 'qemu-system-aarch64', machine: 'virt,gic-version=3', cpu: 'neoverse-n1' },
} as const;

/** A comma ends a value in QEMU's option syntax unless it is doubled. */
const value = (text: string) => text.replaceAll(',', ',,');

/** The firmware tries PXE over IPv4, PXE over IPv6, then HTTP, each for a minute: what the machine shall not use is switched off. */
const NO_BOOT: Readonly<Record<NetworkBoot, readonly string[]>> = { pxe: [], http: ['IPv4', 'IPv6'], 'pxe-ipv6': ['IPv4'] };

function firmwareArguments(spec: MachineSpec, paths: QemuPaths): string[] {
  // Without graphics SeaBIOS, iPXE and GRUB talk on the serial port.
  if (spec.firmware === 'bios') return ['-machine', 'q35,graphics=off'];
  return [
    // Keys are safe only where system management mode guards the flash.
    ...(spec.hasSecureBoot
      ? ['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on']
      : ['-machine', EMULATION[spec.architecture].machine]),
    ...NO_BOOT[spec.networkBoot].flatMap((family) => ['-fw_cfg', `name=opt/org.tianocore/${family}PXESupport,string=n`]),
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${value(paths.uefiCode ?? '')}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${value(paths.uefiVariables ?? '')}`],
  ];
}

function identityArguments({ identity }: MachineSpec): string[] {
  const { manufacturer, product, serial, uuid, boardSerial, chassisSerial, assetTag } = identity;
  return [
    ...['-smbios', `type=0,vendor=${value(manufacturer)},version=1.0.0,date=01/15/2026`],
    ...['-smbios', `type=1,manufacturer=${value(manufacturer)},product=${value(product)},serial=${value(serial)},uuid=${uuid}`],
    ...['-smbios', `type=2,manufacturer=${value(manufacturer)},product=${value(product)},serial=${value(boardSerial)}`],
    ...['-smbios', `type=3,manufacturer=${value(manufacturer)},serial=${value(chassisSerial)},asset=${value(assetTag)}`],
  ];
}

interface DiskSource {
  readonly file: string;
  readonly rules: string;
  readonly state: DiskState;
}

function diskArguments(disk: DiskSpec, index: number, source: DiskSource, bootIndex: number): string[] {
  const { file, state } = source;
  if (state === 'vanished') return [];
  const id = diskDrive(index);
  const isLost = state === 'lost-when-written';
  const from =
    state === 'bad-sectors'
      ? `file.driver=blkdebug,file.config=${value(source.rules)},file.image.driver=file,file.image.filename=${value(file)}`
      : `file=${value(file)}`;
  // Zeros that an erase writes become holes again: the file stays as small as what it holds.
  const pace = state === 'slow' || isLost ? `,throttling.bps-write=${SLOW_DISK_BYTES_PER_SECOND}` : '';
  const drive = `${from},if=none,id=${id},node-name=${diskNode(index)},format=raw,cache=unsafe,discard=unmap,detect-zeroes=unmap${pace}`;
  // What sits on the root bus stays: only a slot behind a port can be emptied.
  const slot = isLost ? `,bus=slot${index}` : '';
  const device = {
    virtio: `virtio-blk-pci,drive=${id}${slot}`,
    nvme: `nvme,drive=${id}${slot}`,
    ahci: `ide-hd,bus=ide.${index},drive=${id},model=Rackwright SATA`,
  }[disk.bus];
  return [
    ...(isLost ? ['-device', `pcie-root-port,id=slot${index},chassis=${index + 1}`] : []),
    ...['-drive', drive, '-device', `${device},id=${diskDevice(index)},serial=${value(disk.serial)},bootindex=${bootIndex}`],
  ];
}
const diskDrive = (index: number) => `disk${index}`;
export const diskNode = (index: number) => `disk${index}-node`;
export const diskDevice = (index: number) => `disk${index}-device`;

function nicArguments(spec: MachineSpec, paths: QemuPaths, firstIndex: number): string[] {
  return spec.nics.flatMap((nic, index) => {
    // With its own driver and an empty option ROM, UEFI does the PXE boot itself, as on a server board.
    const rom = spec.firmware === 'uefi' ? ',romfile=' : '';
    // Only the first NIC is cabled for booting: each more costs the firmware's whole DHCP wait.
    const boot = index === 0 ? `,bootindex=${firstIndex}` : '';
    return [
      ...['-netdev', `stream,id=net${index},server=off,addr.type=unix,addr.path=${value(paths.nicSockets[index]!)}`],
      ...['-device', `${nic.model},netdev=net${index},mac=${nic.mac}${rom}${boot}`],
    ];
  });
}

function managementArguments({ architecture }: MachineSpec, paths: QemuPaths): string[] {
  const kcs =
    paths.kcsSocket && architecture === 'x86_64'
      ? [
          ...['-chardev', `socket,id=ipmi0,path=${value(paths.kcsSocket)},reconnect=1`],
          ...['-device', 'ipmi-bmc-extern,id=bmc0,chardev=ipmi0', '-device', 'isa-ipmi-kcs,bmc=bmc0'],
        ]
      : [];
  const tpm = paths.tpmSocket
    ? [
        ...['-chardev', `socket,id=tpm,path=${value(paths.tpmSocket)}`],
        ...['-tpmdev', 'emulator,id=tpm0,chardev=tpm', '-device', 'tpm-tis,tpmdev=tpm0'],
      ]
    : [];
  return [
    ...['-chardev', `socket,id=serial0,path=${value(paths.consoleSocket)},server=off,logfile=${value(paths.consoleLog)},logappend=on`],
    ...['-serial', 'chardev:serial0'],
    ...['-chardev', `socket,id=qmp0,path=${value(paths.qmpSocket)},server=off`, '-mon', 'chardev=qmp0,mode=control'],
    ...kcs,
    ...tpm,
  ];
}

/** As BMCs do it: drives on USB, which come and go. */
function mediaArguments(media: InsertedMedia, firstIndex: number): string[] {
  const drive = (id: string, file: string, more: string) => [
    '-drive',
    `file=${value(file)},if=none,id=${id},format=raw,readonly=on${more}`,
  ];
  const cdrom = media.cdrom && [
    ...drive(MEDIA_DRIVES.cdrom, media.cdrom, ',media=cdrom'),
    ...[
      '-device',
      'usb-bot,id=media-bot,bus=media.0',
      '-device',
      `scsi-cd,bus=media-bot.0,drive=${MEDIA_DRIVES.cdrom},bootindex=${firstIndex}`,
    ],
  ];
  const disk = media.disk && [
    ...drive(MEDIA_DRIVES.disk, media.disk, ''),
    ...['-device', `usb-storage,bus=media.0,drive=${MEDIA_DRIVES.disk},removable=on,bootindex=${firstIndex + 1}`],
  ];
  return cdrom || disk ? ['-device', 'qemu-xhci,id=media', ...(cdrom || []), ...(disk || [])] : [];
}
export const MEDIA_DRIVES = { cdrom: 'media-cdrom', disk: 'media-disk' } as const;
/** A CD and a stick. */
const MEDIA_INDEXES = 2;

export function qemuCommand(
  spec: MachineSpec,
  paths: QemuPaths,
  order: BootOrder,
  more: { readonly media?: InsertedMedia; readonly disks?: readonly DiskState[] } = {},
): string[] {
  const { media = {}, disks = [] } = more;
  const start = order === 'media-first' ? MEDIA_INDEXES : 0;
  const networkIndex = start + (order === 'network-first' ? 0 : spec.disks.length);
  const firstDiskIndex = start + (order === 'network-first' ? 1 : 0);
  const mediaIndex = order === 'media-first' ? 0 : spec.disks.length + 1;
  return [
    EMULATION[spec.architecture].program,
    ...[
      '-name',
      value(spec.name),
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      ...(spec.architecture === 'x86_64' ? ['-vga', 'none'] : []),
    ],
    ...firmwareArguments(spec, paths),
    // A /dev/kvm that opens may still hang at kernel entry; emulation always works.
    ...['-accel', 'tcg,thread=multi', '-cpu', EMULATION[spec.architecture].cpu, '-smp', String(spec.cpus), '-m', String(spec.memoryMib)],
    // A guest that resets or switches itself off tells so and waits: what comes next is the BMC's decision.
    ...['-action', 'reboot=shutdown,shutdown=pause'],
    ...identityArguments(spec),
    ...spec.disks.flatMap((disk, index) => {
      const source = { file: paths.diskFiles[index]!, rules: paths.badSectorRules, state: disks[index] ?? 'good' };
      return diskArguments(disk, index, source, firstDiskIndex + index);
    }),
    ...nicArguments(spec, paths, networkIndex),
    ...mediaArguments(media, mediaIndex),
    ...managementArguments(spec, paths),
  ];
}
