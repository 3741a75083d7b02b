import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import type { JsonObject } from '../../../core/base/json.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import { burnInStep, secondsOf } from './burn-in.ts';
import type { StepContext } from './step.ts';

/**
 * Two agents send to each other over one TCP connection for the time, as fast as it goes, and check what arrives: a number and a CRC-32
 * in front of each block. `reader` waits to be called, `writer` calls; from then on both do the same.
 */
export const BURNIN_PORT_DEFAULT = 7624;
const BLOCK_BYTES = 64 * 1024;
const HEADER_BYTES = 8;
/** The partner has to boot first. */
const MEET_MS_MAX = 30 * 60_000;
const CALL_EVERY_MS = 1000;
/** A partner that lost its power sends no end. */
const SILENCE_MS_MAX = 60_000;
/** The kernel still has bytes for the partner, and whoever is done may lose its power. */
const LINGER_MS = 2000;

interface Pairing {
  readonly role: 'reader' | 'writer';
  readonly partner: string;
  readonly port: number;
}

function pairingOf(args: JsonObject): Pairing {
  const { role, partner, port = BURNIN_PORT_DEFAULT } = args;
  if (role !== 'reader' && role !== 'writer') throw new AgentFailure('step-arguments', 'role is reader or writer');
  if (typeof partner !== 'string' || !/^[A-Za-z0-9.:-]+$/.test(partner))
    throw new AgentFailure('step-arguments', 'partner is not an address');
  if (!(Number(port) >= 1 && Number(port) <= 65_535)) throw new AgentFailure('step-arguments', 'port is not 1 to 65535');
  return { role, partner, port: Number(port) };
}

async function meet({ role, partner, port }: Pairing, context: StepContext): Promise<Socket> {
  const late = AbortSignal.any([context.signal, AbortSignal.timeout(MEET_MS_MAX)]);
  const failure = () =>
    context.signal.aborted ? context.signal.reason : new AgentFailure('burn-in-failed', `${partner} did not come to the network burn-in`);
  if (role === 'writer')
    for (;;) {
      const socket = connect({ host: partner, port, allowHalfOpen: true });
      const isThere = await once(socket, 'connect', { signal: late }).then(
        () => true,
        () => false,
      );
      if (isThere) return socket;
      socket.destroy();
      if (late.aborted) throw failure();
      await context.clock.sleep(CALL_EVERY_MS, late).catch(() => {});
    }
  const server = createServer({ allowHalfOpen: true });
  server.listen(port);
  try {
    for (;;) {
      const [socket] = (await once(server, 'connection', { signal: late }).catch(() => Promise.reject(failure() as Error))) as [Socket];
      // Somebody else on the network is not the partner.
      if (socket.remoteAddress?.replace(/^::ffff:/, '') === partner) return socket;
      socket.destroy();
    }
  } finally {
    server.close();
  }
}

/** The same bytes at every place: what differs from block to block is its number, and with it the check. */
const PAYLOAD = Buffer.from(Array.from({ length: BLOCK_BYTES - HEADER_BYTES }, (_each, at) => (at * 167 + (at >> 8) * 13) & 255));

function block(number: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  bytes.writeUInt32BE(number, 0);
  PAYLOAD.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32BE(number, HEADER_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(HEADER_BYTES)), 4);
  return bytes;
}

async function send(socket: Socket, untilMs: number, context: StepContext): Promise<number> {
  let number = 0;
  while (context.clock.nowMs() < untilMs && !context.signal.aborted) {
    if (!socket.write(block(number))) await once(socket, 'drain', { signal: context.signal });
    number += 1;
  }
  // What is still on its way belongs to the test.
  await new Promise<void>((resolve) => socket.end(() => resolve()));
  return number;
}

async function receive(socket: Socket, partner: string): Promise<number> {
  let rest = Buffer.alloc(0);
  let number = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    for (; rest.length >= BLOCK_BYTES; rest = rest.subarray(BLOCK_BYTES), number += 1) {
      const isWhole = rest.readUInt32BE(0) === number && rest.readUInt32BE(4) === crc32(rest.subarray(HEADER_BYTES, BLOCK_BYTES));
      if (!isWhole)
        throw new AgentFailure('burn-in-failed', `block ${number} from ${partner} came damaged or out of turn`, { block: number });
    }
  }
  if (rest.length > 0) throw new AgentFailure('burn-in-failed', `${partner} fell silent within block ${number}`, { block: number });
  return number;
}

export async function burnNetwork(args: JsonObject, context: StepContext): Promise<JsonObject> {
  const pairing = pairingOf(args);
  const seconds = secondsOf(args);
  context.progress({ phase: `meeting ${pairing.partner}`, done: 0, total: seconds, unit: 'steps' });
  const socket = await meet(pairing, context);
  socket.setTimeout(SILENCE_MS_MAX, () => socket.destroy(new Error(`nothing came for ${SILENCE_MS_MAX / 1000} s`)));
  const onAbort = () => void socket.destroy(context.signal.reason as Error);
  context.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const startedAtMs = context.clock.nowMs();
    const [sent, received] = await Promise.all([send(socket, startedAtMs + seconds * 1000, context), receive(socket, pairing.partner)]);
    if (received === 0) throw new AgentFailure('burn-in-failed', `nothing came from ${pairing.partner}`);
    const tookSeconds = (context.clock.nowMs() - startedAtMs) / 1000;
    await context.clock.sleep(LINGER_MS, context.signal);
    const rate = (blocks: number) => Math.round((blocks * BLOCK_BYTES * 8) / 1e6 / tookSeconds);
    return {
      ...pairing,
      seconds,
      sentBytes: sent * BLOCK_BYTES,
      receivedBytes: received * BLOCK_BYTES,
      sentMbps: rate(sent),
      receivedMbps: rate(received),
    };
  } catch (error) {
    if (error instanceof AgentFailure || context.signal.aborted) throw error;
    throw new AgentFailure('burn-in-failed', `the connection to ${pairing.partner} broke: ${(error as Error).message}`);
  } finally {
    context.signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

export const burninNetwork = burnInStep('burnin_network', burnNetwork, {
  role: { description: 'reader waits, writer calls; both send', required: true },
  partner: { description: "The partner's address", required: true },
  port: { description: `TCP port; ${BURNIN_PORT_DEFAULT} by default`, required: false },
});
