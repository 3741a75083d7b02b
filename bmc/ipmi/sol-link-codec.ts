import { nextSolSequence, SOL_NACK, type SolPacket } from './sol-codec.ts';

/**
 * The acknowledgement rules of Serial over LAN (IPMI 2.0 §15.9-15.11), the same for both ends, without socket or timer:
 * one packet with characters in flight; a repeat keeps its sequence number and characters; a partial acknowledgement
 * sends the rest under the next number; a repeat received is acknowledged again and not delivered twice.
 */
export interface SolLink {
  /** Queues characters to send; the oldest are dropped past `queueBytesMax`. Answers how many were dropped. */
  queue(data: Buffer): number;
  /** Takes a packet from the other side and answers the characters that are new. */
  receive(packet: SolPacket, nowMs: number): Buffer;
  /** What to transmit now, and when to ask again although nothing came in. */
  next(nowMs: number): SolTurn;
  /** Bytes not yet acknowledged. */
  pendingBytes(): number;
}

export interface SolTurn {
  readonly packet?: SolPacket;
  readonly wakeInMs?: number;
  /** The other side has not acknowledged any of `triesMax` transmissions. */
  readonly lost?: boolean;
}

export interface SolLinkSettings {
  /** Characters per packet. */
  readonly chunkBytes: number;
  readonly retryMs: number;
  readonly triesMax: number;
  readonly queueBytesMax: number;
  /** Flags of every packet that this side sends. */
  readonly flags?: number;
}

interface InFlight {
  readonly sequence: number;
  readonly data: Buffer;
  tries: number;
  sentAtMs: number;
}

const EMPTY = Buffer.alloc(0);

export function createSolLink(settings: SolLinkSettings): SolLink {
  let waiting = EMPTY;
  let inFlight: InFlight | undefined;
  let lastSent = 0;
  let holdUntilMs = 0;
  let lastReceived = { sequence: 0, accepted: 0 };
  let owesAck = false;

  const takeAck = (packet: SolPacket, nowMs: number) => {
    if (!inFlight || packet.acknowledged !== inFlight.sequence) return;
    const accepted = Math.min(packet.accepted, inFlight.data.length);
    if (accepted < inFlight.data.length) {
      waiting = Buffer.concat([inFlight.data.subarray(accepted), waiting]);
      if (packet.flags & SOL_NACK) holdUntilMs = nowMs + settings.retryMs;
    }
    inFlight = undefined;
  };

  const ackFields = () => {
    const fields = owesAck ? { acknowledged: lastReceived.sequence, accepted: lastReceived.accepted } : { acknowledged: 0, accepted: 0 };
    owesAck = false;
    return { ...fields, flags: settings.flags ?? 0 };
  };

  const transmitData = (nowMs: number): SolTurn | undefined => {
    if (!inFlight && waiting.length > 0 && nowMs >= holdUntilMs) {
      lastSent = nextSolSequence(lastSent);
      inFlight = { sequence: lastSent, data: waiting.subarray(0, settings.chunkBytes), tries: 0, sentAtMs: -Infinity };
      waiting = waiting.subarray(inFlight.data.length);
    }
    if (!inFlight || nowMs - inFlight.sentAtMs < settings.retryMs) return undefined;
    if (inFlight.tries >= settings.triesMax) return { lost: true };
    inFlight.tries += 1;
    inFlight.sentAtMs = nowMs;
    return { packet: { sequence: inFlight.sequence, ...ackFields(), data: inFlight.data } };
  };

  const wakeInMs = (nowMs: number): number | undefined => {
    if (inFlight) return Math.max(1, inFlight.sentAtMs + settings.retryMs - nowMs);
    return waiting.length > 0 ? Math.max(1, holdUntilMs - nowMs) : undefined;
  };

  return {
    queue(data) {
      const all = Buffer.concat([waiting, data]);
      const dropped = Math.max(0, all.length - settings.queueBytesMax);
      waiting = all.subarray(dropped);
      return dropped;
    },
    receive(packet, nowMs) {
      takeAck(packet, nowMs);
      if (packet.sequence === 0) return EMPTY;
      owesAck = true;
      if (packet.sequence === lastReceived.sequence) return EMPTY;
      lastReceived = { sequence: packet.sequence, accepted: Math.min(packet.data.length, 255) };
      return Buffer.from(packet.data.subarray(0, 255));
    },
    next(nowMs) {
      const turn = transmitData(nowMs);
      if (turn) return turn;
      if (owesAck) return { packet: { sequence: 0, ...ackFields(), data: EMPTY } };
      const wake = wakeInMs(nowMs);
      return wake === undefined ? {} : { wakeInMs: wake };
    },
    pendingBytes: () => waiting.length + (inFlight?.data.length ?? 0),
  };
}
