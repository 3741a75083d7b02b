import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompressSync } from 'node:zlib';
import { bundleAgent } from '../../deploy-agent/bundle-agent.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { compare, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';
import { endedChildrenCpuMs } from './process-cost.ts';

/**
 * An image to a disk: the agent's step, which checks the digest of what came and reads back what it wrote, beside `curl | zstd -dc | dd conv=sparse`, which
 * checks nothing. The disk is a file in memory, so that no disk is in the figure; what serves the image is not counted.
 */
export const agentBench: Comparison = { name: 'agent', summary: 'an image to a disk by the agent, beside curl, zstd and dd', run };

const IMAGE_MIB = 1024;
const MIB = 2 ** 20;
/** Of ten blocks of a mebibyte, so many are zeros, as in an image of a system; the others are half noise, half text. */
const ZEROS_OF_TEN = 6;
const GOAL = 1.4;
const execute = promisify(execFile);

function makeImage(): Buffer {
  const image = Buffer.alloc(IMAGE_MIB * MIB);
  for (let block = 0; block < IMAGE_MIB; block += 1) {
    if (block % 10 < ZEROS_OF_TEN) continue;
    const at = block * MIB;
    if (block % 2 === 0) randomBytes(MIB).copy(image, at);
    else image.fill('the quick brown fox jumps over the lazy dog; ', at, at + MIB);
  }
  return image;
}

async function serve(packed: Buffer): Promise<Server> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': packed.length, 'accept-ranges': 'bytes' });
    response.end(packed);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

async function costOf(program: string, args: readonly string[]): Promise<number> {
  const before = endedChildrenCpuMs();
  await execute(program, args, { maxBuffer: MIB }).catch((error: NodeJS.ErrnoException & { stderr?: string }) => {
    throw new CommandError(`${program} failed: ${error.stderr ?? error.message}`, EXIT_CODE.failed);
  });
  return (endedChildrenCpuMs() - before) / 1000 / (IMAGE_MIB / 1024);
}

async function run({ rounds, directory, onStep }: ComparisonContext): Promise<BenchRow[]> {
  onStep('agent: making an image');
  const packed = zstdCompressSync(makeImage());
  const sha256 = createHash('sha256').update(packed).digest('hex');
  const server = await serve(packed);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.raw.zst`;
  const disk = join('/dev/shm', `rackwright-bench-${process.pid}`);
  // As the ramdisk has it.
  const writer = join(directory, 'agent-writer.mjs');
  await writeFile(writer, await bundleAgent(join(import.meta.dirname, 'agent-writer.ts'), 'bench'));
  const ours = ['--disable-warning=ExperimentalWarning', writer, url, disk, sha256, String(IMAGE_MIB * MIB)];
  const theirs = ['-c', `set -o pipefail; curl -s ${url} | zstd -dcq | dd of=${disk} bs=1M conv=sparse iflag=fullblock status=none`];
  const figures = { ours: [] as number[], theirs: [] as number[] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      onStep(`agent: curl, zstd and dd, round ${round + 1}`);
      figures.theirs.push(await costOf('bash', theirs));
      await rm(disk, { force: true });
      onStep(`agent: ours, round ${round + 1}`);
      figures.ours.push(await costOf(process.execPath, ours));
      await rm(disk, { force: true });
    }
  } finally {
    server.close();
    await rm(disk, { force: true });
  }
  const frame = { figure: 'image to disk, digest checked and read back, CPU', unit: 's/GiB', peerName: 'curl | zstd | dd', goal: GOAL };
  return [compare(frame, figures.ours, figures.theirs)];
}
