/*
 * PostgreSQL's protocol 3 as far as one client needs it that asks one thing at a time, over a socket of its own server: texts, statements
 * that the server knows by name, and their answers. Source: PostgreSQL 18, chapter 54.7 "Message Formats".
 */

export const NOTICE = 0x4e;
export const ERROR = 0x45;
export const ROW_DESCRIPTION = 0x54;
/** Told of a statement that has no rows. */
export const NO_DATA = 0x6e;
export const DATA_ROW = 0x44;
export const COMMAND_COMPLETE = 0x43;
export const READY_FOR_QUERY = 0x5a;

const PROTOCOL_3_0 = 0x00030000;
const FIRST_BYTES = 65_536;
/** The type byte, and the length that counts itself. */
export const HEADER_BYTES = 5;

/** A message, its type aside: the answer's own memory, good until more is read. */
export interface Message {
  readonly type: number;
  readonly bytes: Buffer;
  /** Where its body begins and where it ends. */
  readonly start: number;
  readonly end: number;
}

export interface Column {
  readonly name: string;
  readonly typeOid: number;
}

/** Messages one behind the other, in memory that is used again. */
export interface MessageWriter {
  startup(settings: Readonly<Record<string, string>>): void;
  /** One or more statements as text. */
  query(text: string): void;
  /** `name` empty: forgotten with the next one. */
  parse(name: string, text: string): void;
  /** Binds, describes when asked, and executes. */
  execute(name: string, values: readonly (string | Buffer | null)[], describe: boolean): void;
  sync(): void;
  /** What was written since it was last taken. */
  take(): Buffer;
}

export function createMessageWriter(): MessageWriter {
  let buffer = Buffer.allocUnsafe(FIRST_BYTES);
  let at = 0;
  const room = (bytes: number) => {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };
  const int16 = (value: number) => {
    room(2);
    at = buffer.writeInt16BE(value, at);
  };
  const int32 = (value: number) => {
    room(4);
    at = buffer.writeInt32BE(value, at);
  };
  const bytesOf = (value: string | Buffer) => {
    if (typeof value === 'string') {
      // No character of UTF-16 takes more than three bytes of UTF-8.
      room(value.length * 3);
      at += buffer.write(value, at);
    } else {
      room(value.length);
      at += value.copy(buffer, at);
    }
  };
  const text = (value: string) => {
    bytesOf(value);
    room(1);
    buffer[at++] = 0;
  };
  const sized = (start: number, body: () => void) => {
    room(4);
    at += 4;
    body();
    buffer.writeInt32BE(at - start, start);
  };
  const message = (type: string, body: () => void) => {
    room(1);
    buffer[at++] = type.charCodeAt(0);
    sized(at, body);
  };
  const value = (given: string | Buffer | null) => {
    if (given === null) return int32(-1);
    const start = at;
    int32(0);
    bytesOf(given);
    buffer.writeInt32BE(at - start - 4, start);
  };

  return {
    startup(settings) {
      sized(at, () => {
        int32(PROTOCOL_3_0);
        for (const [name, setting] of Object.entries(settings)) {
          text(name);
          text(setting);
        }
        text('');
      });
    },
    query: (statement) => message('Q', () => text(statement)),
    parse(name, statement) {
      message('P', () => {
        text(name);
        text(statement);
        int16(0);
      });
    },
    execute(name, values, describe) {
      message('B', () => {
        text('');
        text(name);
        // Values are text but for bytes; answers are text.
        int16(values.length);
        for (const each of values) int16(Buffer.isBuffer(each) ? 1 : 0);
        int16(values.length);
        for (const each of values) value(each);
        int16(0);
      });
      if (describe) message('D', () => text('P'));
      message('E', () => {
        text('');
        int32(0);
      });
    },
    sync: () => message('S', () => {}),
    take() {
      const written = buffer.subarray(0, at);
      at = 0;
      return written;
    },
  };
}

/** Of a row's description: names and types in order. */
export function readColumns({ bytes, start }: Message): Column[] {
  const AFTER_NAME = { typeOid: 6, bytes: 18 };
  const columns: Column[] = [];
  let at = start + 2;
  for (let count = bytes.readInt16BE(start); count > 0; count -= 1) {
    const end = bytes.indexOf(0, at);
    columns.push({ name: bytes.toString('utf8', at, end), typeOid: bytes.readUInt32BE(end + 1 + AFTER_NAME.typeOid) });
    at = end + 1 + AFTER_NAME.bytes;
  }
  return columns;
}

/** Fields of an error or a notice by their letters: C the code, M the message, n the constraint. */
export function readFields({ bytes, start }: Message): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (let at = start; bytes[at] !== 0;) {
    const end = bytes.indexOf(0, at);
    fields[String.fromCharCode(bytes[at]!)] = bytes.toString('utf8', at + 1, end);
    at = end + 1;
  }
  return fields;
}

/** `UPDATE 3`, `INSERT 0 1`, `COMMIT`. */
export function readCommand({ bytes, start, end }: Message): { readonly command: string; readonly rowCount: number | null } {
  const words = bytes.toString('latin1', start, end - 1).split(' ');
  const count = Number(words.at(-1));
  return { command: words[0]!, rowCount: Number.isNaN(count) ? null : count };
}
