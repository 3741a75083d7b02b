import type { Socket } from 'node:net';
import type { Clock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { Random } from '../../core/base/random.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import {
  decodeGreeting,
  decodePeerFrame,
  encodeGreeting,
  encodePeerFrame,
  FRAME_BYTES_MAX,
  type Greeting,
  GREETING_BYTES_MAX,
  type PeerMessage,
  sessionKey,
  splitFrame,
} from './peer-frame-codec.ts';

export interface PeerLinkOptions {
  readonly socket: Socket;
  readonly isDialler: boolean;
  readonly cidr: string;
  /** This server's: see `Greeting`. */
  readonly run: string;
  readonly secret: Buffer;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: BootCounters;
  /** Called with the first frame that is truly the other's. */
  onOpen(run: string): void;
  onMessage(message: PeerMessage): void;
  onEnd(): void;
}

/** One connection to another boot server. Both directions are one stream each, in order, which `lease-sharing.ts` relies on. */
export interface PeerLink {
  /** False before it is open. */
  send(message: PeerMessage): boolean;
  /** Milliseconds of the steady clock when it was last heard. */
  heardMs(): number;
  end(): void;
}

export function openPeerLink(options: PeerLinkOptions): PeerLink {
  const { socket, isDialler, clock, counters } = options;
  const mine: Greeting = {
    version: 1,
    cidr: options.cidr,
    nonce: options.random.bytes(32).toString('hex'),
    run: options.run,
  };
  let theirs: Greeting | undefined;
  let key: Buffer | undefined;
  let isOpen = false;
  let [sent, received] = [0, 0];
  let heardMs = clock.steadyMs();
  let arrived: Buffer = Buffer.alloc(0);

  const refuse = (reason: string) => {
    counters.add(`peer.refused.${reason}`);
    socket.destroy();
  };
  const greet = (body: Buffer) => {
    const greeting = decodeGreeting(body);
    if (isMalformed(greeting)) return refuse('malformed');
    if (greeting.cidr !== options.cidr) return refuse('other-network');
    // Its own words sent back to it would carry its own signature.
    if (greeting.nonce === mine.nonce) return refuse('reflected');
    theirs = greeting;
    key = isDialler ? sessionKey(options.secret, mine, greeting) : sessionKey(options.secret, greeting, mine);
    // A first frame proves the secret to the other, which opens with it.
    write({ kind: 'accepted', accepted: [] });
  };
  const write = (message: PeerMessage): void => {
    socket.write(encodePeerFrame(key!, isDialler, sent, message));
    sent += 1;
  };
  const take = (body: Buffer) => {
    const message = decodePeerFrame(key!, !isDialler, received, body);
    if (isMalformed(message)) return refuse(message.offset === 0 ? 'signature' : 'malformed');
    received += 1;
    heardMs = clock.steadyMs();
    if (!isOpen) {
      isOpen = true;
      options.onOpen(theirs!.run);
    }
    options.onMessage(message);
  };

  socket.on('data', (bytes: Buffer) => {
    arrived = arrived.length === 0 ? bytes : Buffer.concat([arrived, bytes]);
    while (!socket.destroyed) {
      const frame = splitFrame(arrived, key === undefined ? GREETING_BYTES_MAX : FRAME_BYTES_MAX);
      if (frame === undefined) return;
      if (isMalformed(frame)) return refuse('malformed');
      arrived = frame.rest;
      if (key === undefined) greet(frame.body);
      else take(frame.body);
    }
  });
  // Its end follows, and says all there is to do.
  socket.on('error', () => {});
  socket.once('close', () => options.onEnd());
  socket.setNoDelay(true);
  socket.write(encodeGreeting(mine));
  return {
    heardMs: () => heardMs,
    send(message) {
      if (!isOpen || socket.destroyed) return false;
      write(message);
      return true;
    },
    end: () => socket.destroy(),
  };
}
