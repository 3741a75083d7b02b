/** Reads the parts of a `multipart/form-data` body as they come (RFC 7578): files may be larger than memory. */
export interface FormPart {
  readonly name: string;
  /** Undefined for a plain field. */
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
  /** To be read to its end before the next part. */
  readonly bytes: AsyncIterable<Buffer>;
}

export class BadForm extends Error {
  override readonly name = 'BadForm';
}

const HEAD_BYTES_MAX = 16 * 1024;

export const boundaryOf = (contentType: string | undefined): string | undefined => {
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,256})"|([^\s;,]{1,256}))/is.exec(contentType ?? '');
  return match?.[1] ?? match?.[2];
};

export async function* readForm(stream: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<FormPart> {
  const iterator = stream[Symbol.asyncIterator]();
  // The first boundary has no line before it: so all are found alike.
  let ahead: Buffer = Buffer.from('\r\n');
  const end = Buffer.from(`\r\n--${boundary}`);
  const more = async (): Promise<void> => {
    const { done, value } = await iterator.next();
    if (done) throw new BadForm('FormPost: the body ends before its last boundary');
    ahead = ahead.length === 0 ? value : Buffer.concat([ahead, value]);
  };
  async function* untilBoundary(): AsyncGenerator<Buffer> {
    for (;;) {
      const at = ahead.indexOf(end);
      const known = at === -1 ? Math.max(0, ahead.length - end.length + 1) : at;
      if (known > 0) yield ahead.subarray(0, known);
      ahead = ahead.subarray(known);
      if (at !== -1) return void (ahead = ahead.subarray(end.length));
      await more();
    }
  }
  const upTo = async (sign: string): Promise<string> => {
    for (;;) {
      const at = ahead.indexOf(sign);
      if (at !== -1) {
        const text = ahead.toString('utf8', 0, at);
        ahead = ahead.subarray(at + sign.length);
        return text;
      }
      if (ahead.length > HEAD_BYTES_MAX) throw new BadForm('FormPost: the head of a part is too long');
      await more();
    }
  };
  for await (const _before of untilBoundary());
  for (;;) {
    while (ahead.length < 2) await more();
    if (ahead.toString('latin1', 0, 2) === '--') return;
    // `--boundary` CRLF, then the part's head: an empty line ends it.
    const head = `\r\n${await upTo('\r\n\r\n')}`;
    const bytes = untilBoundary();
    yield { ...describe(head), bytes };
    for await (const _rest of bytes);
  }
}

function describe(head: string): Omit<FormPart, 'bytes'> {
  const field = (name: string) => new RegExp(`\\r\\n${name}:\\s*([^\\r]*)`, 'i').exec(head)?.[1];
  const disposition = field('content-disposition') ?? '';
  const parameter = (name: string) => new RegExp(`[;\\s]${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(disposition)?.[1];
  return { name: parameter('name') ?? '', filename: parameter('filename'), contentType: field('content-type') };
}
