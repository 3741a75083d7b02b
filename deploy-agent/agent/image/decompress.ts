import { spawn } from 'node:child_process';
import { PassThrough, Readable, type Writable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { createBufferFreeing } from '../../../core/base/free-buffers.ts';
import type { WriteImageArgs } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';

/** Each piece is a call into the event loop; a bigger one has left the processor's cache before it is written. */
const CHUNK_BYTES = 2 ** 18;

interface Unpacker {
  readonly input: Writable;
  readonly output: Readable;
}

/** Node has no xz; busybox and xz-utils both answer to this name. */
function xzUnpacker(): Unpacker {
  const child = spawn('xz', ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-500)));
  child.on('error', (error) => child.stdout.destroy(error));
  // Its own end of the pipe closes first: what it said on the way is judged when it is gone.
  child.stdin.on('error', () => {});
  const checked = new PassThrough();
  child.stdout.on('error', (error) => checked.destroy(error));
  child.stdout.pipe(checked, { end: false });
  child.on('close', (code) => (code === 0 ? checked.end() : checked.destroy(new Error(`xz: ${said.trim() || `ended with ${code}`}`))));
  checked.on('close', () => child.kill());
  return { input: child.stdin, output: checked };
}

function unpacker(compression: Exclude<WriteImageArgs['compression'], 'none'>): Unpacker {
  if (compression === 'xz') return xzUnpacker();
  const stream = compression === 'gzip' ? createGunzip({ chunkSize: CHUNK_BYTES }) : createZstdDecompress({ chunkSize: CHUNK_BYTES });
  return { input: stream, output: stream };
}

/**
 * Unpacks a stream. Damage inside the packed stream is `image-format`; errors of `source` itself pass as they are. When
 * the unpacker finds its end early, the rest of `source` is still read, so that its digest can be judged.
 */
export async function* decompress(source: AsyncIterable<Buffer>, compression: WriteImageArgs['compression']): AsyncGenerator<Buffer> {
  if (compression === 'none') return yield* source;
  let sourceError: unknown;
  const guarded = (async function* () {
    try {
      yield* source;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  })();
  const unpack = unpacker(compression);
  const input = Readable.from(guarded, { objectMode: true, highWaterMark: 4 });
  input.on('error', (error) => unpack.output.destroy(error));
  unpack.output.on('close', () => input.destroy());
  input.pipe(unpack.input);
  try {
    const passed = createBufferFreeing();
    for await (const chunk of unpack.output as AsyncIterable<Buffer>) {
      yield chunk;
      passed(chunk.length);
    }
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    throw new AgentFailure(
      'image-format',
      `the image does not unpack as ${compression}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
