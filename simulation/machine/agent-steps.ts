import type { Json, JsonObject } from '../../core/base/json.ts';
import type { AgentCommand, AgentError, AgentErrorCode, PlannedDisk, PutBmcUserArgs, WriteImageArgs } from '../../deploy-agent/protocol.ts';
import { count, isTroubled, meets, type World } from '../world/world.ts';
import { beginWrite } from './disk.ts';
import type { Machine } from './machine.ts';

/** What the agent's steps do to a simulated machine, how long they take, and how they fail: with the agent's own codes and words. */
export interface StepScene {
  readonly world: World;
  readonly machine: Machine;
  readonly command: AgentCommand;
  readonly sleep: (from: number, to?: number) => Promise<void>;
  readonly running: (done: number) => Promise<{ abort: boolean }>;
}

/** `killed`: the agent died in the midst of it. */
export type StepEnd = { readonly result: Json } | { readonly error: AgentError } | 'killed';

/** What is on the image server: its true checksum, and its length. */
export const IMAGE = { checksum: 'c0ffee'.repeat(10) + 'c0de', bytes: 400_000_000 };
const SLOW_DISK = 20;
const PROGRESS_REPORTS = 3;

const failed = (code: AgentErrorCode, message: string, advice: string): StepEnd => ({ error: { code, message, advice } });

export async function doStep(scene: StepScene): Promise<StepEnd> {
  const { world, command, machine, sleep } = scene;
  switch (command.step) {
    case 'erase_devices_metadata':
      return erase(scene);
    case 'write_image':
      return writeImage(scene);
    case 'put_bmc_user': {
      await sleep(2_000, 8_000);
      const { username, password } = command.args as unknown as PutBmcUserArgs;
      machine.bmcUser.name = username;
      machine.bmcUser.password = password;
      return { result: { ipAddress: machine.bmcHost, mac: machine.mac, channel: 1, userId: 3 } };
    }
    default: {
      await sleep(500, 4_000);
      const disk = (command.args as JsonObject)['disk'] as unknown as PlannedDisk | undefined;
      const missing = disk === undefined ? undefined : missingDisk(world, machine, disk);
      return missing ?? { result: {} };
    }
  }
}

function missingDisk(world: World, machine: Machine, planned: PlannedDisk): StepEnd | undefined {
  if (planned.serial === machine.disk.serial && !meets(world, 'disk-vanished')) return undefined;
  return failed(
    'disk-not-found',
    `no disk with serial ${planned.serial} is in this machine`,
    'inspect the machine again; the disk was removed or has failed',
  );
}

/** Time passes in parts, with a word after each. `abort`: somebody gave up on it. */
async function work({ world, machine, sleep, running, command }: StepScene, fromMs: number, toMs: number): Promise<StepEnd | undefined> {
  const slow = isTroubled(world, 'disk-slow') && meets(world, 'disk-slow') ? SLOW_DISK : 1;
  const startedMs = world.time.nowMs();
  for (let part = 1; part <= PROGRESS_REPORTS; part += 1) {
    const leftMs = startedMs + command.timeoutSeconds * 1000 - world.time.nowMs();
    await sleep(Math.min(leftMs, (fromMs * slow) / PROGRESS_REPORTS), Math.min(leftMs, (toMs * slow) / PROGRESS_REPORTS));
    const isFirst = part === PROGRESS_REPORTS && !world.injected.has('agent-killed');
    if (meets(world, 'agent-killed', isFirst ? 1 : 0.4)) {
      world.note(machine.name, `the agent is killed within ${command.step}`);
      return 'killed';
    }
    if (world.time.nowMs() - startedMs >= command.timeoutSeconds * 1000)
      return failed(
        'timeout',
        `${command.step} was not done within ${command.timeoutSeconds} s`,
        'look at the progress before the limit; give the step more time if it was still moving',
      );
    const { abort } = await running(Math.round((part * 100) / (PROGRESS_REPORTS + 1)));
    if (abort) return failed('aborted', 'the control plane asked to stop', 'start the operation again when wanted');
  }
  return undefined;
}

async function erase(scene: StepScene): Promise<StepEnd> {
  const { world, machine, command } = scene;
  const { disks } = command.args as unknown as { disks: readonly PlannedDisk[] };
  for (const disk of disks) {
    const missing = missingDisk(world, machine, disk);
    if (missing !== undefined) return missing;
  }
  beginWrite(world, machine.disk, command.id, command.step);
  const broken = await work(scene, 2_000, 10_000);
  if (broken !== undefined) return broken;
  machine.disk.content = 'blank';
  return { result: disks.map(({ serial }) => ({ serial, method: 'metadata-wipe' })) };
}

async function writeImage(scene: StepScene): Promise<StepEnd> {
  const { world, machine, command } = scene;
  const { disk, checksum, diskSizeBytes } = command.args as unknown as WriteImageArgs;
  const missing = missingDisk(world, machine, disk);
  if (missing !== undefined) return missing;
  if (diskSizeBytes !== undefined && diskSizeBytes > machine.disk.sizeBytes) {
    count(world, 'disk-too-small');
    return failed(
      'disk-too-small',
      `the image is ${diskSizeBytes} bytes, /dev/sda has ${machine.disk.sizeBytes}`,
      'choose a smaller image or a bigger root disk (root device hints)',
    );
  }
  const startedMs = world.time.nowMs();
  beginWrite(world, machine.disk, command.id, command.step);
  const broken = await work(scene, 30_000, 200_000);
  if (broken !== undefined) return broken;
  if (meets(world, 'disk-bad-sectors'))
    return failed(
      'disk-write',
      'writing at byte 268435456 failed: EIO: i/o error, write',
      'replace the disk or choose another one by root device hints',
    );
  if (meets(world, 'disk-lost-while-writing'))
    return failed(
      'disk-write',
      'writing at byte 134217728 failed: ENODEV: no such device, write',
      'replace the disk or choose another one by root device hints',
    );
  if (meets(world, 'short-download'))
    return failed(
      'image-short',
      `the server has ${IMAGE.bytes / 2} bytes of the image, ${IMAGE.bytes} were expected`,
      'the image file on the boot server is incomplete: upload it again, then deploy again',
    );
  if (checksum !== IMAGE.checksum) {
    count(world, 'bad-checksum');
    return failed(
      'image-checksum',
      `the image has the sha256 ${IMAGE.checksum}, expected ${checksum}`,
      'compare the checksum of the image record with the file, register the image again, then deploy again',
    );
  }
  machine.disk.content = checksum;
  const seconds = (world.time.nowMs() - startedMs) / 1000;
  return {
    result: {
      device: '/dev/sda',
      wireBytes: IMAGE.bytes,
      imageBytes: 4.2e9,
      writtenBytes: 4e9,
      checksum,
      verified: true,
      seconds,
      diskSeconds: seconds,
    },
  };
}
