import type { Clock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { Random } from '../../core/base/random.ts';
import type { SessionKeys } from './cipher-suite-codec.ts';
import { exchange } from './exchange.ts';
import type { Lane } from './ipmi-transport.ts';
import { answerIn, decodeMessage, requestMessage, type IpmiRequest } from './message-codec.ts';
import { decodeRmcpPlus, encodeRmcpPlus, PAYLOAD, sessionIdOf } from './rmcp-plus-codec.ts';
import { acceptSequence, nextSequence, startWindow, type SequenceWindow } from './sequence-window-codec.ts';
import { closeSession } from './session-command-codec.ts';

/**
 * An open RMCP+ session. Every packet takes a new session sequence number; a repeated request keeps its requester
 * sequence number, so that the BMC can tell it from a new one. One request at a time: the caller sees to that.
 */
export interface IpmiSession {
  /** Data with the completion code first; undefined when no answer came in `waitsMs`. */
  request(request: IpmiRequest, waitsMs: readonly number[], signal: AbortSignal): Promise<Buffer | undefined>;
  sendSol(payload: Buffer): void;
  onSol(listener: (payload: Buffer) => void): void;
  readonly lastUsedMs: number;
  /** Tells the BMC, without insisting, and forgets the keys. */
  close(): Promise<void>;
}

export interface OpenSession {
  readonly consoleSessionId: number;
  readonly managedSessionId: number;
  readonly keys: SessionKeys;
}

const CLOSE_WAIT_MS = 300;

export function createIpmiSession(lane: Lane, open: OpenSession, deps: { clock: Clock; random: Random }): IpmiSession {
  let sent = 0;
  let received: SequenceWindow | undefined;
  let rqSequence = 0;
  let closed = false;
  let lastUsedMs = deps.clock.nowMs();
  let offerIpmi: ((payload: Buffer) => void) | undefined;
  let offerSol: ((payload: Buffer) => void) | undefined;

  const stopListening = lane.onPacket((body) => {
    if (sessionIdOf(body) !== open.consoleSessionId) return;
    const packet = decodeRmcpPlus(body, open.keys);
    if (isMalformed(packet)) return;
    const window = received === undefined ? startWindow(packet.sequence) : acceptSequence(received, packet.sequence);
    if (!window) return;
    received = window;
    if (packet.payloadType === PAYLOAD.ipmi) offerIpmi?.(packet.payload);
    else if (packet.payloadType === PAYLOAD.sol) offerSol?.(packet.payload);
  });

  const send = (payloadType: number, payload: Buffer) => {
    sent = nextSequence(sent);
    lane.send(encodeRmcpPlus({ payloadType, sessionId: open.managedSessionId, sequence: sent, payload }, open.keys, deps.random.bytes(16)));
  };

  const session: IpmiSession = {
    get lastUsedMs() {
      return lastUsedMs;
    },
    async request(request, waitsMs, signal) {
      if (closed) return undefined;
      rqSequence = (rqSequence + 1) & 0x3f;
      const sequence = rqSequence;
      const bytes = requestMessage(request, sequence);
      const answer = await exchange(deps.clock, {
        waitsMs,
        signal,
        listen(offer) {
          offerIpmi = offer;
          return () => (offerIpmi = undefined);
        },
        send: () => send(PAYLOAD.ipmi, bytes),
        match(payload) {
          // The packet is signed: of a checksum that is wrong nonetheless (Supermicro X9) the BMC's own sums are the fault.
          const message = decodeMessage(payload, false);
          return isMalformed(message) ? undefined : answerIn(message, request, sequence);
        },
      });
      if (answer) lastUsedMs = deps.clock.nowMs();
      return answer;
    },
    sendSol: (payload) => send(PAYLOAD.sol, payload),
    onSol: (listener) => void (offerSol = listener),
    async close() {
      if (closed) return;
      await session
        .request(closeSession(open.managedSessionId), [CLOSE_WAIT_MS], AbortSignal.timeout(CLOSE_WAIT_MS * 2))
        .catch(() => undefined);
      closed = true;
      stopListening();
    },
  };
  return session;
}
