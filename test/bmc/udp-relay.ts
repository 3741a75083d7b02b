import { createSocket, type Socket } from 'node:dgram';
import type { Random } from '../../core/base/random.ts';

/** A UDP relay in front of one BMC that loses, repeats and reorders datagrams by a seeded stream, and keeps a record. */
export interface RelayFaults {
  readonly loss?: number;
  readonly duplicate?: number;
  /** Part of the datagrams that are held back long enough for the next ones to overtake. */
  readonly reorder?: number;
}

export interface UdpRelay {
  readonly port: number;
  readonly record: readonly { readonly toBmc: boolean; readonly bytes: Buffer }[];
  close(): Promise<void>;
}

const HOLD_MS = 25;

export async function startUdpRelay(target: { address: string; port: number }, faults: RelayFaults, random: Random): Promise<UdpRelay> {
  const record: { toBmc: boolean; bytes: Buffer }[] = [];
  const front = createSocket('udp4');
  const backs = new Map<string, Socket>();
  let closed = false;

  const pass = (send: () => void) => {
    if (random.unit() < (faults.loss ?? 0)) return;
    const copies = random.unit() < (faults.duplicate ?? 0) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const late = random.unit() < (faults.reorder ?? 0);
      if (late) setTimeout(() => !closed && send(), HOLD_MS);
      else send();
    }
  };
  front.on('message', (bytes, from) => {
    const key = `${from.address} ${from.port}`;
    let back = backs.get(key);
    if (!back) {
      back = createSocket('udp4');
      back.on('message', (answer) => {
        record.push({ toBmc: false, bytes: answer });
        pass(() => front.send(answer, from.port, from.address));
      });
      backs.set(key, back);
    }
    record.push({ toBmc: true, bytes });
    pass(() => back.send(bytes, target.port, target.address));
  });
  await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve));
  return {
    port: front.address().port,
    record,
    async close() {
      closed = true;
      await Promise.all([front, ...backs.values()].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
}
