import { connect } from 'node:net';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import { createStreamFrameReader, encodeStreamFrame } from '../../lab/switch/stream-frame-codec.ts';

/** The end of a cable in a leaf port, where a machine would be. */
export interface Cable {
  readonly mac: string;
  /** A broadcast that carries this word. */
  say(word: string, tag?: number): void;
  /** Words that came, since the last call, up to an announcement of the switch that began after the call: nothing that was said before is still on its way. */
  heard(): Promise<string[]>;
  unplug(): void;
}

const TYPE_WORD = 0x88b5;
const TYPE_LLDP = 0x88cc;
const TYPE_TAG = 0x8100;
const HEADER_BYTES = 14;
const ANNOUNCED_WITHIN_MS = 120_000;

export async function plug(path: string, mac: string): Promise<Cable> {
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const read = createStreamFrameReader();
  const words: string[] = [];
  let announced: (() => void) | undefined;
  socket.on('data', (chunk: Buffer) => {
    for (const frame of read(chunk) ?? []) {
      const tagged = frame.readUInt16BE(12) === TYPE_TAG;
      const type = frame.readUInt16BE(tagged ? 16 : 12);
      const word = frame
        .subarray(HEADER_BYTES + (tagged ? 4 : 0))
        .toString('latin1')
        .replaceAll('\0', '');
      if (type === TYPE_LLDP) announced?.();
      else if (type === TYPE_WORD) words.push(tagged ? `${word} in ${frame.readUInt16BE(14) & 0xfff}` : word);
    }
  });
  return {
    mac,
    say(word, tag) {
      const type = Buffer.alloc(2);
      type.writeUInt16BE(TYPE_WORD);
      const tagBytes = Buffer.alloc(tag === undefined ? 0 : 4);
      if (tag !== undefined) {
        tagBytes.writeUInt16BE(TYPE_TAG);
        tagBytes.writeUInt16BE(tag, 2);
      }
      const payload = Buffer.alloc(46);
      payload.write(word, 'latin1');
      socket.write(encodeStreamFrame(Buffer.concat([Buffer.alloc(6, 0xff), macAddressToBytes(mac), tagBytes, type, payload])));
    },
    async heard() {
      let late: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve, reject) => {
        late = setTimeout(() => reject(new Error('the switch does not announce itself')), ANNOUNCED_WITHIN_MS);
        announced = resolve;
      });
      clearTimeout(late);
      return words.splice(0).toSorted();
    },
    unplug: () => socket.destroy(),
  };
}
