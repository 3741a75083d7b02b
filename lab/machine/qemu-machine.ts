import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { MachineBoot, MachineControl } from '../bmc/machine-control.ts';
import type { MachineSpec } from '../topology.ts';
import { bootIsOver, cpuSecondsOfStat, type CpuSample } from './boot-progress-policy.ts';
import type { BootSlots } from './boot-slots.ts';
import { listenForOneClient } from './one-client-socket.ts';
import { qemuCommand, type QemuPaths } from './qemu-command.ts';
import { decodeQmpLine, encodeQmpCommand } from './qmp-codec.ts';
import { startTpm, type TpmProcess } from './tpm-process.ts';

/**
 * A machine: power on starts a QEMU process, power off kills it. What survives the power is on disk: the disks, the UEFI
 * variables, the TPM's state. A guest that resets itself gets a new process, so that the BMC's boot setting holds then too.
 */
export interface QemuMachine extends MachineControl {
  /** The guest sees its cable go in or out. */
  setCarrier(nic: number, up: boolean): void;
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

const UEFI_CODE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const UEFI_VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd';
const CPU_SAMPLE_MS = 1_000;

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
  const uefiVariables = join(directory, 'uefi-variables.fd');
  if (spec.firmware === 'uefi' && !existsSync(uefiVariables)) copyFileSync(UEFI_VARIABLES, uefiVariables);
  return {
    qmpSocket: socket('qmp'),
    consoleSocket: socket('console'),
    kcsSocket: socket('kcs'),
    nicSockets: settings.nicSockets,
    diskFiles,
    consoleLog: join(directory, 'console.log'),
    ...(spec.firmware === 'uefi' ? { uefiCode: UEFI_CODE, uefiVariables } : {}),
    ...(spec.tpm ? { tpmSocket: socket('tpm') } : {}),
  };
}

export async function createQemuMachine(settings: QemuMachineSettings): Promise<QemuMachine> {
  const { spec, clock, report, directory } = settings;
  const events = new EventEmitter();
  // A BMC, a console log and several SOL sessions may listen.
  events.setMaxListeners(0);
  const paths = preparePaths(settings);
  let state: 'on' | 'off' = 'off';
  let qemu: ChildProcess | undefined;
  let tpm: TpmProcess | undefined;
  let leaveSlot = () => {};
  // Each power-on has a number: what an older one still says is not listened to.
  let generation = 0;

  const change = (next: 'on' | 'off') => {
    if (state === next) return;
    state = next;
    events.emit('power', next);
  };

  const watchBoot = (pid: number, born: number) => {
    const samples: CpuSample[] = [];
    const timer = setInterval(() => {
      let cpuSeconds: number | undefined;
      try {
        cpuSeconds = cpuSecondsOfStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      } catch {
        cpuSeconds = undefined;
      }
      if (cpuSeconds !== undefined) samples.push({ atMs: clock.nowMs(), cpuSeconds });
      if (cpuSeconds !== undefined && born === generation && !bootIsOver(samples)) return;
      clearInterval(timer);
      if (born === generation) leaveSlot();
    }, CPU_SAMPLE_MS);
    timer.unref();
  };

  const launch = async (boot: MachineBoot, born: number) => {
    if (paths.tpmSocket) {
      const started = await startTpm(join(directory, 'tpm'), paths.tpmSocket);
      if (born !== generation) return started.stop();
      tpm = started;
    }
    const order = boot.device === 'network' ? 'network-first' : 'disk-first';
    const [program, ...args] = qemuCommand(spec, paths, order);
    const log = openSync(join(directory, 'qemu.log'), 'a');
    const child = spawn(program!, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    qemu = child;
    report('machine.start', `${spec.name} starts, ${order}`);
    child.once('error', (error) => report('machine.failed', `${spec.name}: QEMU does not start: ${error.message}`));
    child.once('close', (code, signal) => {
      if (born !== generation) return;
      report('machine.failed', `${spec.name}: QEMU ended by itself (${signal ?? code}); see qemu.log`);
      void cut();
    });
    if (child.pid !== undefined) watchBoot(child.pid, born);
  };

  const start = (boot: MachineBoot) => {
    generation += 1;
    const born = generation;
    change('on');
    let isLaunched = false;
    leaveSlot = settings.slots.take(() => {
      isLaunched = true;
      launch(boot, born).catch((error: unknown) => {
        report('machine.failed', `${spec.name} does not start: ${String(error)}`);
        if (born === generation) void cut();
      });
    });
    if (!isLaunched) report('machine.queued', `${spec.name} has power and waits until fewer machines boot`);
  };

  const stop = async () => {
    generation += 1;
    leaveSlot();
    const child = qemu;
    const chip = tpm;
    qemu = undefined;
    tpm = undefined;
    if (child && child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    await chip?.stop();
  };
  const cut = async () => {
    await stop();
    change('off');
  };
  const restart = async (boot: MachineBoot) => {
    const stopping = stop();
    const mine = generation;
    await stopping;
    // Somebody may have cut the power meanwhile.
    if (mine === generation) start(boot);
  };

  const console_ = await listenForOneClient(paths.consoleSocket, (bytes) => void events.emit('data', bytes));
  let qmpText = '';
  const onQmpLine = (line: string) => {
    const message = decodeQmpLine(line);
    if (isMalformed(message) || message.kind === 'answer') return;
    if (message.kind === 'greeting') return qmp.write(encodeQmpCommand('qmp_capabilities'));
    if (message.kind === 'error') return report('machine.qmp', `${spec.name}: ${message.reason}`);
    if (message.name !== 'SHUTDOWN') return;
    const { reason } = message.data;
    report('machine.guest', `${spec.name}: ${String(reason)}`);
    if (reason === 'guest-reset') void restart(settings.nextBoot());
    else void cut();
  };
  const qmp = await listenForOneClient(paths.qmpSocket, (bytes) => {
    const lines = (qmpText + bytes.toString('utf8')).split('\n');
    qmpText = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onQmpLine(line);
  });

  const subscribe = <Value>(event: string, listener: (value: Value) => void) => {
    events.on(event, listener);
    return () => void events.off(event, listener);
  };
  return {
    powerState: () => state,
    async powerOn(boot) {
      if (state === 'off') start(boot);
    },
    powerOff: cut,
    async softOff() {
      if (state === 'on') qmp.write(encodeQmpCommand('system_powerdown'));
    },
    async reset(boot) {
      if (state === 'on') await restart(boot);
    },
    onPowerChange: (listener) => subscribe('power', listener),
    console: { write: (bytes) => console_.write(bytes), onData: (listener) => subscribe('data', listener) },
    kcsSocketPath: paths.kcsSocket!,
    setCarrier: (nic, up) => qmp.write(encodeQmpCommand('set_link', { name: `net${nic}`, up })),
    async close() {
      await cut();
      qmp.close();
      console_.close();
    },
  };
}
