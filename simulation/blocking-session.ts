import { createRequire } from 'node:module';
import { join } from 'node:path';
import pg from 'pg';
import { loadLinuxCalls, type LinuxCalls } from '../core/base/linux-calls.ts';
import {
  COMMAND_COMPLETE,
  createMessageWriter,
  DATA_ROW,
  ERROR,
  HEADER_BYTES,
  NO_DATA,
  NOTICE,
  READY_FOR_QUERY,
  readColumns,
  readCommand,
  readFields,
  ROW_DESCRIPTION,
  type Message,
} from './world/postgres-message-codec.ts';

/*
 * A session with PostgreSQL that stops its thread until the answer is there. In the simulation one thing happens at a time, so nobody else
 * is waiting; an event loop between question and answer would cost more than both. Values, types and errors are those of `pg`.
 */
export interface BlockingSession {
  /**
   * @param before texts that go ahead of it, whose outcome nobody looks at
   * @throws pg.DatabaseError
   */
  query(text: string, values: readonly unknown[], before?: string): StatementResult;
  close(): void;
}

export interface StatementResult {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: Record<string, unknown>[];
}

type Notice = Readonly<Record<string, string>>;
type Read = (text: string) => unknown;
interface Shape {
  readonly names: readonly string[];
  readonly reads: readonly Read[];
  readonly empty: Readonly<Record<string, unknown>>;
}
interface Prepared {
  readonly name: string;
  /** What its rows look like, once it was seen. */
  shape: Shape | undefined;
}

const NO_ROWS: Shape = { names: [], reads: [], empty: {} };

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const FIONBIO = 0x5421;
/** struct sockaddr_un. */
const ADDRESS_BYTES = 110;
const FIRST_READ_BYTES = 65_536;
const EINTR = -4;

const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as {
  prepareValue(value: unknown): string | Buffer | null;
};

/** @param directory of the server's socket. @throws Error when nobody listens there, or this Node has no `node:ffi` */
export function openBlockingSession(
  connection: { readonly host: string; readonly user: string; readonly database: string },
  onNotice: (notice: Notice) => void,
): BlockingSession {
  const linux = loadLinuxCalls();
  if (linux === undefined) throw new Error('the simulation needs node:ffi, which this Node does not have or does not allow');
  const fd = connect(linux, join(connection.host, '.s.PGSQL.5432'));
  const writer = createMessageWriter();
  const next = createReader(linux, fd);
  const prepared = new Map<string, Prepared>();
  let names = 0;

  const send = () => {
    for (let rest = writer.take(); rest.length > 0;) {
      const written = linux.write(fd, rest);
      if (written < 0 && written !== EINTR) throw new Error(`the session broke (errno ${-written})`);
      rest = rest.subarray(Math.max(0, written));
    }
  };
  const prepare = (text: string): Prepared => {
    const made: Prepared = { name: `s${(names += 1)}`, shape: undefined };
    prepared.set(text, made);
    writer.parse(made.name, text);
    return made;
  };
  /** Reads to the end of the last of so many questions. */
  const answer = (questions: number, known: Shape | undefined, onShape: (shape: Shape) => void): StatementResult => {
    let shape = known;
    let error: Error | undefined;
    let result = { command: '', rowCount: null as number | null, rows: [] as Record<string, unknown>[] };
    for (let left = questions; left > 0;) {
      const message = next();
      const { type } = message;
      if (type === DATA_ROW) result.rows.push(readRow(message, shape!));
      else if (type === ROW_DESCRIPTION) onShape((shape = shapeOf(message)));
      else if (type === NO_DATA) onShape(NO_ROWS);
      else if (type === COMMAND_COMPLETE) result = { ...readCommand(message), rows: result.rows };
      else if (type === NOTICE) onNotice(readFields(message));
      else if (type === ERROR) {
        const fields = readFields(message);
        if (left === 1) error = asError(fields);
        // Nothing comes after it.
        if (fields.S === 'FATAL') throw asError(fields);
      } else if (type === READY_FOR_QUERY) left -= 1;
    }
    if (error !== undefined) throw error;
    return result;
  };

  writer.startup({ user: connection.user, database: connection.database, client_encoding: 'UTF8', application_name: 'simulation' });
  send();
  answer(1, undefined, () => {});

  return {
    query(text, values, before = '') {
      if (before !== '') writer.query(before);
      const questions = before === '' ? 1 : 2;
      if (values.length === 0) {
        writer.query(text);
        send();
        return answer(questions, undefined, () => {});
      }
      const known = prepared.get(text) ?? prepare(text);
      writer.execute(
        known.name,
        values.map((value) => prepareValue(value)),
        known.shape === undefined,
      );
      writer.sync();
      send();
      try {
        return answer(questions, known.shape, (shape) => (known.shape = shape));
      } catch (error) {
        // Perhaps it was never understood.
        if (known.shape === undefined) prepared.delete(text);
        throw error;
      }
    },
    close: () => linux.close(fd),
  };
}

function connect(linux: LinuxCalls, path: string): number {
  const fd = linux.socket(AF_UNIX, SOCK_STREAM, 0);
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  try {
    linux.ioctl(fd, FIONBIO, Buffer.alloc(4));
    linux.connect(fd, address);
    return fd;
  } catch (error) {
    linux.close(fd);
    throw error;
  }
}

/** One message after the other, as they arrive. */
function createReader(linux: LinuxCalls, fd: number): () => Message {
  let buffer = Buffer.allocUnsafe(FIRST_READ_BYTES);
  let [start, end] = [0, 0];
  /** Until so many bytes are there. */
  const fill = (bytes: number) => {
    if (end - start >= bytes) return;
    if (start + bytes > buffer.length) {
      const roomy = bytes > buffer.length ? Buffer.allocUnsafe(bytes * 2) : buffer;
      buffer.copy(roomy, 0, start, end);
      [buffer, start, end] = [roomy, 0, end - start];
    }
    while (end - start < bytes) {
      const count = linux.read(fd, buffer.subarray(end));
      if (count === EINTR) continue;
      if (count <= 0) throw new Error('the database has gone');
      end += count;
    }
  };
  return () => {
    if (start === end) [start, end] = [0, 0];
    fill(HEADER_BYTES);
    const bytes = 1 + buffer.readInt32BE(start + 1);
    fill(bytes);
    const message = { type: buffer[start]!, bytes: buffer, start: start + HEADER_BYTES, end: start + bytes };
    start += bytes;
    return message;
  };
}

function shapeOf(message: Message): Shape {
  const columns = readColumns(message);
  return {
    names: columns.map(({ name }) => name),
    // bigint identity columns count rows, far below 2^53: numbers, not text. As the product's own pool reads them.
    reads: columns.map(({ typeOid }) => (typeOid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(typeOid, 'text'))),
    empty: Object.fromEntries(columns.map(({ name }) => [name, null])),
  };
}

function readRow({ bytes, start }: Message, { names, reads, empty }: Shape): Record<string, unknown> {
  const row: Record<string, unknown> = { ...empty };
  let at = start + 2;
  for (let column = 0; column < names.length; column += 1) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) continue;
    row[names[column]!] = reads[column]!(bytes.toString('utf8', at, at + length));
    at += length;
  }
  return row;
}

const asError = (fields: Notice): Error =>
  Object.assign(new pg.DatabaseError(fields.M ?? '', 0, 'error'), {
    severity: fields.S,
    code: fields.C,
    detail: fields.D,
    hint: fields.H,
    where: fields.W,
    schema: fields.s,
    table: fields.t,
    column: fields.c,
    dataType: fields.d,
    constraint: fields.n,
    routine: fields.R,
  });
