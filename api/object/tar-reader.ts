/*
 * Reads the files of a tar stream as they come (POSIX.1-2017 pax, "ustar Interchange Format", and GNU's long names). Links, devices and folders
 * are passed over: only bytes become objects.
 */
export interface TarFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** To be read to its end before the next file. */
  readonly bytes: AsyncIterable<Buffer>;
}

export class BadTar extends Error {
  override readonly name = 'BadTar';
}

const BLOCK = 512;
/** A pax header of a file: names and times; more is nobody's file. */
const EXTENSION_BYTES_MAX = 2 ** 20;

export async function* readTar(stream: AsyncIterable<Buffer>): AsyncGenerator<TarFile> {
  const source = createSource(stream);
  let longName: string | undefined;
  for (;;) {
    const header = await source.take(BLOCK);
    if (header.every((byte) => byte === 0)) return void (await source.drain());
    if (header.length < BLOCK || !hasChecksum(header)) throw new BadTar('Invalid Tar File: not a tar archive');
    const size = readSize(header);
    const type = String.fromCharCode(header[156]!);
    if (type === 'L' || type === 'x') {
      if (size > EXTENSION_BYTES_MAX) throw new BadTar('Invalid Tar File: a header is too long');
      const text = (await source.take(padded(size))).subarray(0, size);
      longName = type === 'L' ? text.toString().replace(/\0.*$/s, '') : (paxPath(text) ?? longName);
      continue;
    }
    const name = longName ?? nameOf(header);
    longName = undefined;
    const body = source.part(size);
    if (type === '0' || type === '\0' || type === '7') yield { name, sizeBytes: size, bytes: body };
    for await (const _rest of body);
    await source.take(padded(size) - size);
  }
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;
const text = (header: Buffer, from: number, length: number): string => header.toString('utf8', from, from + length).replace(/\0.*$/s, '');

function nameOf(header: Buffer): string {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
  return prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`;
}

/** Octal digits, or big-endian with the highest bit set where these are too few. */
function readSize(header: Buffer): number {
  if ((header[124]! & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  const digits = text(header, 124, 12).trim();
  if (!/^[0-7]*$/.test(digits)) throw new BadTar('Invalid Tar File: a size is no number');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function hasChecksum(header: Buffer): boolean {
  const wanted = Number.parseInt(text(header, 148, 8).trim(), 8);
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return wanted === sum;
}

/** `27 path=some/name\n`: the length counts itself. */
function paxPath(records: Buffer): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < records.length;) {
    const length = Number.parseInt(records.toString('latin1', at, at + 20), 10);
    if (!(length > 0)) break;
    const record = records.toString('utf8', at, at + length);
    path = /^\d+ path=(.*)\n$/s.exec(record)?.[1] ?? path;
    at += length;
  }
  return path;
}

function createSource(stream: AsyncIterable<Buffer>) {
  const iterator = stream[Symbol.asyncIterator]();
  let ahead: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { done, value } = await iterator.next();
    if (!done) ahead = value;
    return !done;
  };
  async function* part(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0;) {
      if (ahead.length === 0 && !(await more())) throw new BadTar('Invalid Tar File: it ends in the middle of a file');
      const piece = ahead.subarray(0, left);
      ahead = ahead.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return {
    part,
    /** Fewer bytes only at the end. */
    async take(size: number): Promise<Buffer> {
      while (ahead.length < size) {
        const before = ahead;
        if (!(await more())) break;
        ahead = Buffer.concat([before, ahead]);
      }
      const taken = ahead.subarray(0, size);
      ahead = ahead.subarray(taken.length);
      return taken;
    },
    async drain(): Promise<void> {
      while (await more());
    },
  };
}
