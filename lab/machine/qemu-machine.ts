import { EventEmitter } from 'node:events';
import { createWriteStream, closeSync, copyFileSync, existsSync, mkdirSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { MachineBoot, MachineControl, MachineDisk, MachineMediaKind } from '../bmc/machine-control.ts';
import type { DiskSpec, MachineSpec } from '../topology.ts';
import type { BootSlots } from './boot-slots.ts';
import { listenForOneClient, type OneClientSocket } from './one-client-socket.ts';
import {
  BAD_SECTOR_RULES,
  diskDevice,
  diskNode,
  MEDIA_DRIVES,
  type BootOrder,
  type DiskState,
  type InsertedMedia,
  type QemuPaths,
} from './qemu-command.ts';
import { startQemuRun, type QemuRun } from './qemu-run.ts';
import { decodeQmpLine, encodeQmpCommand } from './qmp-codec.ts';

/**
 * A machine: power on starts a QEMU process, power off kills it. What survives the power is on disk: the disks, the UEFI
 * variables, the TPM's state. A guest that resets itself gets a new process, so that the BMC's boot setting holds then too.
 */
export interface QemuMachine extends MachineControl {
  /** The guest sees its cable go in or out. */
  setCarrier(nic: number, up: boolean): void;
  /** From the next power-on. */
  setDisk(disk: number, state: DiskState): void;
  close(): Promise<void>;
}

export interface QemuMachineSettings {
  readonly spec: MachineSpec;
  /** Disks, variables and logs. */
  readonly directory: string;
  /** Short: a Unix socket's path ends at 107 bytes. */
  readonly socketDirectory: string;
  readonly nicSockets: readonly string[];
  readonly slots: BootSlots;
  readonly clock: Clock;
  /** What the BMC says about a boot that it did not start. */
  readonly nextBoot: () => MachineBoot;
  readonly report: (kind: string, message: string) => void;
}

/** `.ms`: with Microsoft's keys, and Secure Boot on. */
const uefiFile = (part: 'CODE' | 'VARS', { architecture, hasSecureBoot }: MachineSpec) =>
  `/usr/share/${architecture === 'aarch64' ? `AAVMF/AAVMF_${part}` : `OVMF/OVMF_${part}_4M`}${hasSecureBoot ? '.ms' : ''}.fd`;
/** Where whoever prepares a disk for an image writes: the copy of its partition table, and signatures. */
const DISK_END_BYTES = 1024 ** 2;
/** QEMU's answers are short; a line that never ends is not one. */
const QMP_TEXT_MAX = 1024 ** 2;

function preparePaths(settings: QemuMachineSettings): QemuPaths {
  const { spec, directory, socketDirectory } = settings;
  mkdirSync(directory, { recursive: true });
  const socket = (kind: string) => join(socketDirectory, `${spec.name}.${kind}`);
  const diskFiles = spec.disks.map((disk, index) => {
    const file = join(directory, `disk-${index}.raw`);
    if (!existsSync(file)) {
      closeSync(openSync(file, 'w'));
      truncateSync(file, disk.sizeBytes);
    }
    return file;
  });
  const badSectorRules = join(directory, 'bad-sectors.conf');
  writeFileSync(badSectorRules, BAD_SECTOR_RULES);
  const uefiVariables = join(directory, 'uefi-variables.fd');
  if (spec.firmware === 'uefi' && !existsSync(uefiVariables)) copyFileSync(uefiFile('VARS', spec), uefiVariables);
  return {
    qmpSocket: socket('qmp'),
    consoleSocket: socket('console'),
    kcsSocket: socket('kcs'),
    nicSockets: settings.nicSockets,
    diskFiles,
    consoleLog: join(directory, 'console.log'),
    badSectorRules,
    ...(spec.firmware === 'uefi' ? { uefiCode: uefiFile('CODE', spec), uefiVariables } : {}),
    ...(spec.tpm ? { tpmSocket: socket('tpm') } : {}),
  };
}

const ORDERS: Readonly<Partial<Record<MachineBoot['device'], BootOrder>>> = {
  network: 'network-first',
  disk: 'disk-first',
  cdrom: 'media-first',
  safe: 'disk-first',
  'firmware-setup': 'disk-first',
};

/** Power as a state with lives in between: no second process starts before the first is gone. */
function createPowerSwitch(
  settings: QemuMachineSettings,
  paths: QemuPaths,
  media: () => InsertedMedia,
  disks: () => readonly DiskState[],
  onChange: (state: 'on' | 'off') => void,
) {
  let state: 'on' | 'off' = 'off';
  let run: QemuRun | undefined;
  let ended: Promise<void> = Promise.resolve();

  const change = (next: 'on' | 'off') => {
    if (state === next) return;
    state = next;
    onChange(next);
  };
  const endRun = (): Promise<void> => {
    const ending = run?.end();
    run = undefined;
    if (ending) ended = Promise.all([ended, ending]).then(() => {});
    return ended;
  };
  const off = async () => {
    await endRun();
    // Somebody may have switched it on again meanwhile.
    if (!run) change('off');
  };
  const on = (boot: MachineBoot) => {
    const order = ORDERS[boot.device] ?? settings.spec.bootOrder;
    run = startQemuRun({ ...settings, paths, order, media: media(), disks: disks(), onFailure: () => void off() });
    change('on');
  };
  const restart = async (boot: MachineBoot) => {
    await endRun();
    if (state === 'on' && !run) on(boot);
  };
  return { state: () => state, on, off, restart };
}

interface QmpListener {
  /** QEMU runs, its guest as well. */
  readonly onReady: () => void;
  /** The guest wrote behind a node's threshold, for the first time. */
  readonly onThreshold: (node: string) => void;
  readonly onShutdown: (reason: string) => void;
  readonly onPowerButton: () => void;
  readonly onError: (reason: string) => void;
}

/** QMP as far as it is needed: what the guest does with its own power, and commands without an answer that matters. */
async function listenForQmp(path: string, heard: QmpListener): Promise<OneClientSocket> {
  let rest = '';
  const onLine = (line: string) => {
    const message = decodeQmpLine(line);
    if (isMalformed(message)) return heard.onError(message.reason);
    if (message.kind === 'greeting') {
      qmp.write(encodeQmpCommand('qmp_capabilities'));
      heard.onReady();
    } else if (message.kind === 'error') heard.onError(message.reason);
    else if (message.kind === 'event' && message.name === 'SHUTDOWN') heard.onShutdown(String(message.data['reason']));
    else if (message.kind === 'event' && message.name === 'POWERDOWN') heard.onPowerButton();
    else if (message.kind === 'event' && message.name === 'BLOCK_WRITE_THRESHOLD') heard.onThreshold(String(message.data['node-name']));
  };
  const onData = (bytes: Buffer) => {
    const lines = (rest + bytes.toString('utf8')).split('\n');
    rest = (lines.pop() ?? '').slice(0, QMP_TEXT_MAX);
    for (const line of lines) if (line.trim() !== '') onLine(line);
  };
  const qmp = await listenForOneClient(path, onData, () => {
    rest = '';
  });
  return qmp;
}

const BUSES = { virtio: 'SAS', nvme: 'NVMe', ahci: 'SATA' } as const;
const toMachineDisk = (disk: DiskSpec, index: number): MachineDisk => ({
  name: `Disk ${index}`,
  serial: disk.serial,
  sizeBytes: disk.sizeBytes,
  bus: BUSES[disk.bus],
  media: 'SSD',
});

async function download(url: string, file: string): Promise<void> {
  const reply = await fetch(url);
  if (!reply.ok || reply.body === null) throw new Error(`HTTP ${reply.status}`);
  await pipeline(Readable.fromWeb(reply.body), createWriteStream(file));
}

export async function createQemuMachine(settings: QemuMachineSettings): Promise<QemuMachine> {
  const { spec, report } = settings;
  const events = new EventEmitter();
  // A BMC, a console log and several SOL sessions may listen.
  events.setMaxListeners(0);
  const paths = preparePaths(settings);
  const media: { -readonly [Kind in MachineMediaKind]?: string } = {};
  const disks = spec.disks.map((): DiskState => 'good');
  /** As the running QEMU has them. */
  let running: readonly DiskState[] = disks;
  const power = createPowerSwitch(
    settings,
    paths,
    () => ({ ...media }),
    () => (running = [...disks]),
    (state) => void events.emit('power', state),
  );
  const onShutdown = (reason: string) => {
    report('machine.guest', `${spec.name}: ${reason}`);
    if (reason === 'guest-reset') void power.restart(settings.nextBoot());
    else void power.off();
  };
  const lostDisks = () => spec.disks.flatMap((disk, index) => (running[index] === 'lost-when-written' ? [{ disk, index }] : []));
  const qmp = await listenForQmp(paths.qmpSocket, {
    onReady() {
      for (const { disk, index } of lostDisks())
        qmp.write(
          encodeQmpCommand('block-set-write-threshold', {
            'node-name': diskNode(index),
            'write-threshold': disk.sizeBytes - DISK_END_BYTES,
          }),
        );
    },
    onThreshold(node) {
      for (const { index } of lostDisks().filter((lost) => diskNode(lost.index) === node)) {
        report('machine.disk', `${spec.name}: disk ${index} is pulled out while it is written`);
        qmp.write(encodeQmpCommand('device_del', { id: diskDevice(index) }));
      }
    },
    onShutdown,
    onPowerButton: () => report('machine.button', `${spec.name}: the power button was pressed`),
    onError: (reason) => report('machine.qmp', `${spec.name}: ${reason}`),
  });
  const serial = await listenForOneClient(paths.consoleSocket, (bytes) => void events.emit('data', bytes));
  const subscribe = <Value>(event: string, listener: (value: Value) => void) => {
    events.on(event, listener);
    return () => void events.off(event, listener);
  };
  return {
    powerState: power.state,
    async powerOn(boot) {
      if (power.state() === 'off') power.on(boot);
    },
    powerOff: power.off,
    async softOff() {
      if (power.state() === 'on') qmp.write(encodeQmpCommand('system_powerdown'));
    },
    async reset(boot) {
      if (power.state() === 'on') await power.restart(boot);
    },
    onPowerChange: (listener) => subscribe('power', listener),
    console: { write: (bytes) => serial.write(bytes), onData: (listener) => subscribe('data', listener) },
    kcsSocketPath: paths.kcsSocket!,
    firmwareMode: spec.firmware,
    hasSecureBoot: spec.hasSecureBoot,
    disks: spec.disks.map(toMachineDisk),
    async injectNmi() {
      qmp.write(encodeQmpCommand('inject-nmi'));
    },
    // A running guest sees new media at its next start; media that leave are gone at once.
    async insertMedia(kind, url) {
      const file = join(settings.directory, `media-${kind}.img`);
      await download(url, file);
      media[kind] = file;
      report('machine.media', `${spec.name}: a ${kind} is in its virtual drive`);
    },
    async ejectMedia(kind) {
      if (media[kind] === undefined) return;
      delete media[kind];
      if (power.state() === 'on') qmp.write(encodeQmpCommand('eject', { device: MEDIA_DRIVES[kind], force: true }));
    },
    setCarrier: (nic, up) => qmp.write(encodeQmpCommand('set_link', { name: `net${nic}`, up })),
    setDisk(disk, state) {
      disks[disk] = state;
    },
    async close() {
      await power.off();
      qmp.close();
      serial.close();
    },
  };
}
