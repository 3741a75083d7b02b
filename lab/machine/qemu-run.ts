import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import type { MachineSpec } from '../topology.ts';
import { bootIsOver, cpuSecondsOfStat, type CpuSample } from './boot-progress-policy.ts';
import type { BootSlots } from './boot-slots.ts';
import { qemuCommand, type BootOrder, type DiskState, type InsertedMedia, type QemuPaths } from './qemu-command.ts';
import { startTpm, type TpmProcess } from './tpm-process.ts';

/** One life of a machine, from power-on to the end of its QEMU: the wait for a boot slot, the TPM, the process. */
export interface QemuRun {
  /** Resolves when no process is left. */
  end(): Promise<void>;
}

export interface QemuRunSettings {
  readonly spec: MachineSpec;
  readonly paths: QemuPaths;
  readonly order: BootOrder;
  readonly media: InsertedMedia;
  /** By disk, in the spec's order. */
  readonly disks: readonly DiskState[];
  /** TPM state and QEMU's own messages. */
  readonly directory: string;
  readonly slots: BootSlots;
  readonly clock: Clock;
  readonly report: (kind: string, message: string) => void;
  /** It could not start, or ended without being asked to. */
  readonly onFailure: () => void;
}

const CPU_SAMPLE_MS = 1_000;

function readCpuSeconds(pid: number): number | undefined {
  try {
    return cpuSecondsOfStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Calls `onOver` once, when the expensive part of the boot is done or the process is gone. */
function watchBoot(pid: number, clock: Clock, onOver: () => void): () => void {
  const samples: CpuSample[] = [];
  const timer = setInterval(() => {
    const cpuSeconds = readCpuSeconds(pid);
    if (cpuSeconds !== undefined) {
      samples.push({ atMs: clock.nowMs(), cpuSeconds });
      if (!bootIsOver(samples)) return;
    }
    clearInterval(timer);
    onOver();
  }, CPU_SAMPLE_MS);
  return () => clearInterval(timer);
}

async function killAndWait(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

function spawnQemu(settings: QemuRunSettings, onEnd: (why: string) => void): ChildProcess {
  const [program, ...args] = qemuCommand(settings.spec, settings.paths, settings.order, settings);
  const log = openSync(join(settings.directory, 'qemu.log'), 'a');
  const child = spawn(program!, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  child.once('error', (error) => onEnd(error.message));
  child.once('close', (code, signal) => onEnd(`QEMU ended by itself (${signal ?? code}); see qemu.log`));
  return child;
}

export function startQemuRun(settings: QemuRunSettings): QemuRun {
  const { spec, paths, order, report } = settings;
  let isEnding = false;
  let isLaunched = false;
  let tpm: TpmProcess | undefined;
  let qemu: ChildProcess | undefined;
  let stopWatching = () => {};

  const fail = (why: string) => {
    if (isEnding) return;
    report('machine.failed', `${spec.name}: ${why}`);
    settings.onFailure();
  };
  const launch = async () => {
    if (paths.tpmSocket) tpm = await startTpm(join(settings.directory, 'tpm'), paths.tpmSocket);
    if (isEnding) return;
    qemu = spawnQemu(settings, fail);
    report('machine.start', `${spec.name} starts, ${order}`);
    if (qemu.pid !== undefined) stopWatching = watchBoot(qemu.pid, settings.clock, leaveSlot);
  };
  let launching = Promise.resolve();
  const leaveSlot = settings.slots.take(() => {
    isLaunched = true;
    // A turn later: whoever started this holds the run before it can fail.
    launching = Promise.resolve()
      .then(launch)
      .catch((error: unknown) => fail(String(error)));
  });
  if (!isLaunched) report('machine.queued', `${spec.name} has power and waits until fewer machines boot`);

  return {
    async end() {
      isEnding = true;
      stopWatching();
      leaveSlot();
      await launching;
      if (qemu) await killAndWait(qemu);
      await tpm?.stop();
    },
  };
}
