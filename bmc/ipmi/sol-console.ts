import { Duplex } from 'node:stream';
import type { Clock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { BmcError } from '../capability.ts';
import { COMPLETION, completionName } from './completion-code-codec.ts';
import { getDeviceId } from './device-codec.ts';
import type { IpmiSession } from './ipmi-session.ts';
import type { IpmiRequest } from './message-codec.ts';
import { decodeSessionUser, getSessionInfo } from './session-command-codec.ts';
import {
  activateSol,
  allowSol,
  deactivateSol,
  decodeSol,
  decodeSolActivation,
  enableSol,
  encodeSol,
  SOL_ALREADY_ACTIVE,
  SOL_DEACTIVATED,
  SOL_DISABLED,
} from './sol-codec.ts';
import { createSolLink } from './sol-link-codec.ts';

/** The host's serial console over a session of its own. It ends when either side closes, or the BMC falls silent. */
const WAITS_MS: readonly number[] = [700, 1300, 2000];
const RETRY_MS = 700;
const TRIES_MAX = 8;
const SOL_HEADER_BYTES = 4;
/** Below a BMC's own limit of 60 s without a packet. */
const KEEP_ALIVE_MS = 20_000;
const CHUNK_BYTES_MAX = 200;
/** For BMCs whose packet size is no size (Asus P5M2, Supermicro X8): less than any is known to take. */
const CHUNK_BYTES_UNTOLD = 32;
/** Typed characters that wait for the BMC; past this the writer is held back. */
const WRITE_PENDING_BYTES_MAX = 4096;

interface SolSettings {
  readonly host: string;
  readonly session: IpmiSession;
  readonly clock: Clock;
  /** A console that is in use is left to whoever has it. */
  readonly yields: boolean;
  readonly channel: number;
}

async function activate({ host, session, yields, channel, clock }: SolSettings, signal: AbortSignal): Promise<number> {
  const ask = async (request: IpmiRequest): Promise<Buffer> => {
    for (let tries = 1; ; tries += 1) {
      const answer = await session.request(request, WAITS_MS, signal);
      if (!answer) throw new BmcError('timeout', `${host}: no answer to Activate SOL`, 'Try again.');
      if (answer[0] !== COMPLETION.busy || tries >= TRIES_MAX) return answer;
      await clock.sleep(RETRY_MS, signal);
    }
  };
  let answer = await ask(activateSol);
  if (answer[0] === SOL_ALREADY_ACTIVE && yields)
    throw new BmcError(
      'busy',
      `${host}: somebody has the console`,
      'It is free when that session ends; one that was lost, after a minute.',
    );
  if (answer[0] === SOL_ALREADY_ACTIVE) {
    // A console of ours that a crash left behind, or another operator's: the newest wins, as on a terminal server.
    await ask(deactivateSol);
    answer = await ask(activateSol);
  }
  if (answer[0] === SOL_DISABLED) {
    // As it comes from Dell, Lenovo and others: the console is off, or not for this user. What they refuse shows in the next answer.
    const userId = decodeSessionUser((await ask(getSessionInfo)).subarray(1));
    await ask(enableSol(channel));
    if (!isMalformed(userId)) await ask(allowSol(channel, userId));
    answer = await ask(activateSol);
  }
  if (answer[0] !== COMPLETION.ok) {
    throw new BmcError(
      'refused',
      `${host}: console refused: ${completionName(answer[0]!)}`,
      'Enable Serial over LAN on the BMC and for this user.',
    );
  }
  const activation = decodeSolActivation(answer.subarray(1));
  if (isMalformed(activation)) throw new BmcError('protocol', `${host}: ${activation.reason}`, 'The BMC breaks the IPMI specification.');
  const room = activation.inboundBytesMax - SOL_HEADER_BYTES;
  return room > 0 ? Math.min(room, CHUNK_BYTES_MAX) : CHUNK_BYTES_UNTOLD;
}

export async function openSolConsole(settings: SolSettings, signal: AbortSignal): Promise<Duplex> {
  const { host, session, clock } = settings;
  const chunkBytes = await activate(settings, signal);
  const link = createSolLink({ chunkBytes, retryMs: RETRY_MS, triesMax: TRIES_MAX, queueBytesMax: Number.MAX_SAFE_INTEGER });
  let timer: NodeJS.Timeout | undefined;
  let heldWrite: (() => void) | undefined;
  let isTaken = false;
  const keepAlive = setInterval(() => {
    session
      .request(getDeviceId, WAITS_MS, AbortSignal.timeout(KEEP_ALIVE_MS))
      .then((answer) => answer ?? stream.destroy(new BmcError('timeout', `${host}: console session was lost`, 'Open the console again.')))
      .catch(() => undefined);
  }, KEEP_ALIVE_MS);
  keepAlive.unref();

  const releaseWrite = () => {
    if (!heldWrite || link.pendingBytes() > WRITE_PENDING_BYTES_MAX) return;
    const done = heldWrite;
    heldWrite = undefined;
    done();
  };
  const pump = (): void => {
    clearTimeout(timer);
    for (;;) {
      const turn = link.next(clock.nowMs());
      if (turn.lost)
        return void stream.destroy(new BmcError('timeout', `${host}: the BMC no longer takes console input`, 'Open the console again.'));
      if (!turn.packet) {
        if (turn.wakeInMs !== undefined) timer = setTimeout(pump, turn.wakeInMs);
        return releaseWrite();
      }
      session.sendSol(encodeSol(turn.packet));
    }
  };

  const stream = new Duplex({
    allowHalfOpen: false,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      link.queue(chunk);
      heldWrite = done;
      pump();
    },
    destroy(error, done) {
      clearTimeout(timer);
      clearInterval(keepAlive);
      // Deactivate Payload names no session: it would end that of whoever took this one.
      const given = isTaken ? Promise.resolve() : session.request(deactivateSol, [RETRY_MS], AbortSignal.timeout(RETRY_MS * 2));
      given
        .catch(() => undefined)
        .then(() => session.close())
        .finally(() => done(error));
    },
  });
  session.onSol((payload) => {
    const packet = decodeSol(payload);
    if (isMalformed(packet) || stream.destroyed) return;
    const characters = link.receive(packet, clock.nowMs());
    if (characters.length > 0) stream.push(characters);
    pump();
    if ((packet.flags & SOL_DEACTIVATED) === 0) return;
    isTaken = true;
    stream.push(null);
  });
  return stream;
}
