import { type Malformed, malformed } from '../../../core/base/malformed.ts';

/**
 * The SMBIOS structure table (DSP0134 3.7, chapter 6): each structure is a formatted part and its strings.
 *
 *   type u8 | length u8 | handle u16 | fields ... | string NUL string NUL ... NUL
 *   1 system     manufacturer s@4  product s@5  serial s@7  UUID@8 (first three fields little-endian since 2.6)
 *   2 board      serial s@7         3 chassis  serial s@7  asset tag s@8      0 firmware  vendor s@4  version s@5  date s@8
 *   17 memory    size u16@12 (0 none, 0xffff unknown, 0x7fff: u32@28 in MiB, bit 15: KiB)  locator s@16  type u8@18
 *                speed u16@21  manufacturer s@23  serial s@24  part s@26
 */
export interface SmbiosStructure {
  readonly type: number;
  readonly handle: number;
  readonly bytes: Buffer;
  readonly strings: readonly string[];
}

const END_OF_TABLE = 127;
/** Real machines have some hundreds. */
const STRUCTURES_MAX = 10_000;

export function decodeSmbios(table: Buffer): SmbiosStructure[] | Malformed {
  const structures: SmbiosStructure[] = [];
  let at = 0;
  while (at + 4 <= table.length && structures.length < STRUCTURES_MAX) {
    const type = table[at]!;
    const length = table[at + 1]!;
    if (length < 4) return malformed('a structure is shorter than its header', at + 1);
    if (at + length > table.length) return malformed('a structure is cut short', at);
    const strings: string[] = [];
    let cursor = at + length;
    while (cursor < table.length && table[cursor] !== 0) {
      const end = table.indexOf(0, cursor);
      if (end < 0) return malformed('a string has no end', cursor);
      strings.push(table.toString('latin1', cursor, end).trim());
      cursor = end + 1;
    }
    // No strings at all are two NULs, otherwise one follows the last string.
    const next = strings.length === 0 ? cursor + 2 : cursor + 1;
    structures.push({ type, handle: table.readUInt16LE(at + 2), bytes: table.subarray(at, at + length), strings });
    if (type === END_OF_TABLE) break;
    at = next;
  }
  return structures;
}

/** Texts that vendors leave in place of a value. */
const PLACEHOLDER =
  /^(|none|n\/a|not (specified|available|applicable|provided)|unknown|default string|to be filled by o\.?e\.?m\.?|system (manufacturer|product name|serial number|version)|chassis serial number|asset[- ]?tag.*|0+|no asset.*|no dimm|undefined|empty)$/i;

export function smbiosText(structure: SmbiosStructure | undefined, offset: number): string | undefined {
  const index = structure?.bytes[offset] ?? 0;
  const text = index > 0 ? structure?.strings[index - 1] : undefined;
  return text === undefined || PLACEHOLDER.test(text) ? undefined : text;
}

/** All zeros and all ones mean "not there". */
export function smbiosUuid(structure: SmbiosStructure | undefined): string | undefined {
  if (!structure || structure.bytes.length < 24) return undefined;
  const bytes = structure.bytes.subarray(8, 24);
  if (bytes.every((byte) => byte === 0) || bytes.every((byte) => byte === 0xff)) return undefined;
  const reversed = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).reverse().toString('hex');
  return `${reversed(0, 4)}-${reversed(4, 6)}-${reversed(6, 8)}-${bytes.toString('hex', 8, 10)}-${bytes.toString('hex', 10, 16)}`;
}

const MEMORY_TYPES: Readonly<Record<number, string>> = {
  0x07: 'RAM',
  0x12: 'DDR',
  0x13: 'DDR2',
  0x18: 'DDR3',
  0x1a: 'DDR4',
  0x1b: 'LPDDR',
  0x1c: 'LPDDR2',
  0x1d: 'LPDDR3',
  0x1e: 'LPDDR4',
  0x20: 'HBM',
  0x21: 'HBM2',
  0x22: 'DDR5',
  0x23: 'LPDDR5',
};

export interface MemoryDevice {
  readonly locator: string;
  readonly sizeBytes: number;
  readonly type?: string;
  readonly speedMtps?: number;
  readonly manufacturer?: string;
  readonly serial?: string;
  readonly partNumber?: string;
}

function memorySize(bytes: Buffer): number {
  if (bytes.length < 14) return 0;
  const size = bytes.readUInt16LE(12);
  if (size === 0 || size === 0xffff) return 0;
  if (size === 0x7fff) return bytes.length >= 32 ? (bytes.readUInt32LE(28) & 0x7fffffff) * 2 ** 20 : 0;
  return size & 0x8000 ? (size & 0x7fff) * 1024 : size * 2 ** 20;
}

/** Slots that hold memory. */
export function memoryDevices(structures: readonly SmbiosStructure[]): MemoryDevice[] {
  return structures
    .filter((structure) => structure.type === 17 && memorySize(structure.bytes) > 0)
    .map((structure) => {
      const { bytes } = structure;
      const type = MEMORY_TYPES[bytes[18] ?? 0];
      const speed = bytes.length >= 23 ? bytes.readUInt16LE(21) : 0;
      const manufacturer = smbiosText(structure, 23);
      const serial = smbiosText(structure, 24);
      const partNumber = smbiosText(structure, 26);
      return {
        locator: smbiosText(structure, 16) ?? `handle ${structure.handle}`,
        sizeBytes: memorySize(bytes),
        ...(type ? { type } : {}),
        ...(speed > 0 && speed < 0xffff ? { speedMtps: speed } : {}),
        ...(manufacturer ? { manufacturer } : {}),
        ...(serial ? { serial } : {}),
        ...(partNumber ? { partNumber } : {}),
      };
    });
}
