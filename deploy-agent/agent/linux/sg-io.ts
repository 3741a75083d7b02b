import { addressOf, ioctl } from './libc.ts';
import { ioctlInWorker } from './ioctl-in-worker.ts';

/** SCSI commands to a disk (include/scsi/sg.h `sg_io_hdr`), here only as the carrier of ATA commands (SAT-4, ATA PASS-THROUGH(16)). */
const SG_IO = 0x2285;
const HEADER_BYTES = 88;

export interface AtaCommand {
  readonly command: number;
  readonly features?: number;
  readonly lba?: readonly [low: number, mid: number, high: number];
  readonly data?: { readonly direction: 'from-device' | 'to-device'; readonly bytes: Buffer };
  readonly timeoutMs?: number;
}

export interface AtaAnswer {
  readonly ok: boolean;
  /** The registers that the device left, where it was asked to say. */
  readonly lba?: readonly [mid: number, high: number];
}

interface Prepared {
  readonly header: Buffer;
  readonly sense: Buffer;
  readonly cdb: Buffer;
}

function prepare(request: AtaCommand): Prepared {
  const { data } = request;
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x85;
  // Protocol: 3 no data, 4 PIO in, 5 PIO out; then: wait for registers (CK_COND), direction, length in blocks by the count field.
  cdb[1] = (data === undefined ? 3 : data.direction === 'from-device' ? 4 : 5) << 1;
  cdb[2] = data === undefined ? 0x20 : data.direction === 'from-device' ? 0x0e : 0x06;
  cdb[4] = request.features ?? 0;
  cdb[6] = data === undefined ? 0 : 1;
  cdb[8] = request.lba?.[0] ?? 0;
  cdb[10] = request.lba?.[1] ?? 0;
  cdb[12] = request.lba?.[2] ?? 0;
  cdb[14] = request.command;
  const sense = Buffer.alloc(64);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE('S'.charCodeAt(0), 0);
  header.writeInt32LE(data === undefined ? -1 : data.direction === 'from-device' ? -3 : -2, 4);
  header[8] = cdb.length;
  header[9] = sense.length;
  if (data) {
    header.writeUInt32LE(data.bytes.length, 12);
    header.writeBigUInt64LE(addressOf(data.bytes), 16);
  }
  header.writeBigUInt64LE(addressOf(cdb), 24);
  header.writeBigUInt64LE(addressOf(sense), 32);
  header.writeUInt32LE(request.timeoutMs ?? 5000, 40);
  return { header, sense, cdb };
}

function judge({ header, sense }: Prepared, answer: number, hasData: boolean): AtaAnswer {
  if (answer < 0 || header.readUInt16LE(68) !== 0) return { ok: false };
  // Descriptor sense with an ATA status return descriptor (code 9): error at 11, LBA mid and high at 17 and 19, status at 21.
  const hasRegisters = (sense[0]! & 0x7f) === 0x72 && sense[8] === 0x09;
  if (hasRegisters) return { ok: (sense[21]! & 0x21) === 0, lba: [sense[17]!, sense[19]!] };
  return { ok: header[64] === 0 && (hasData || sense[0] === 0) };
}

export function sendAta(fd: number, request: AtaCommand): AtaAnswer {
  const prepared = prepare(request);
  return judge(prepared, ioctl(fd, SG_IO, prepared.header), request.data !== undefined);
}

/** For commands that take minutes. */
export async function sendLongAta(fd: number, request: AtaCommand): Promise<AtaAnswer> {
  const prepared = prepare(request);
  return judge(prepared, await ioctlInWorker(fd, SG_IO, prepared.header), request.data !== undefined);
}
