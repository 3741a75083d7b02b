import { type Malformed, malformed } from '../core/base/malformed.ts';

/**
 * As much of ELF64 little-endian (System V gABI, chapters 4 and 5) as packing a ramdisk needs: which libraries and
 * interpreter a program asks for, what a kernel module says in `.modinfo`, and dropping what is only for debuggers.
 *
 *   header     e_phoff u64@32  e_shoff u64@40  e_phentsize u16@54  e_phnum u16@56  e_shentsize u16@58  e_shnum u16@60  e_shstrndx u16@62
 *   program    p_type u32@0  p_offset u64@8  p_vaddr u64@16  p_filesz u64@32
 *   section    sh_name u32@0  sh_offset u64@24  sh_size u64@32
 *   dynamic    d_tag i64@0  d_val u64@8
 */
export interface ElfNeeds {
  readonly interpreter?: string;
  readonly libraries: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
}

const isElf64 = (bytes: Buffer) => bytes.length >= 64 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
const u64 = (bytes: Buffer, offset: number) => Number(bytes.readBigUInt64LE(offset));

function readSegments(bytes: Buffer): Segment[] | Malformed {
  if (!isElf64(bytes)) return malformed('not a 64-bit little-endian ELF file', 0);
  const start = u64(bytes, 32);
  const size = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  if (count > 0 && (size < 56 || start + size * count > bytes.length)) return malformed('program headers lie outside the file', 32);
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return { type: bytes.readUInt32LE(at), offset: u64(bytes, at + 8), address: u64(bytes, at + 16), fileBytes: u64(bytes, at + 32) };
  });
}

const textAt = (bytes: Buffer, offset: number): string => {
  if (!(offset >= 0 && offset < bytes.length)) return '';
  const end = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, end < 0 ? bytes.length : end);
};

export function readElfNeeds(bytes: Buffer): ElfNeeds | Malformed {
  const segments = readSegments(bytes);
  if ('malformed' in segments) return segments;
  const interpreter = segments.find((s) => s.type === PT_INTERP);
  const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
  const names: number[] = [];
  let strings = 0;
  if (dynamic) {
    const end = Math.min(dynamic.offset + dynamic.fileBytes, bytes.length);
    for (let at = dynamic.offset; at + 16 <= end; at += 16) {
      const tag = u64(bytes, at);
      if (tag === DT_NEEDED) names.push(u64(bytes, at + 8));
      if (tag === DT_STRTAB) strings = u64(bytes, at + 8);
      if (tag === 0) break;
    }
  }
  const home = segments.find((s) => s.type === PT_LOAD && strings >= s.address && strings < s.address + s.fileBytes);
  const base = home ? strings - home.address + home.offset : 0;
  return {
    libraries: home ? names.map((name) => textAt(bytes, base + name)).filter(Boolean) : [],
    ...(interpreter ? { interpreter: textAt(bytes, interpreter.offset) } : {}),
  };
}

/** The loadable part of a program or library alone: no symbol tables, no section headers. The loader needs neither. */
export function stripElf(bytes: Buffer): Buffer | Malformed {
  const segments = readSegments(bytes);
  if ('malformed' in segments) return segments;
  if (segments.length === 0) return malformed('no program headers: a relocatable object needs its sections', 56);
  const headersEnd = u64(bytes, 32) + bytes.readUInt16LE(54) * bytes.readUInt16LE(56);
  const end = Math.max(headersEnd, ...segments.map((s) => s.offset + s.fileBytes));
  if (end > bytes.length) return malformed('a segment lies outside the file', 32);
  const stripped = Buffer.from(bytes.subarray(0, end));
  stripped.writeBigUInt64LE(0n, 40);
  stripped.writeUInt16LE(0, 60);
  stripped.writeUInt16LE(0, 62);
  return stripped;
}

/** `.modinfo` of a kernel module: `key=value` texts, in file order. */
export function readModuleInfo(bytes: Buffer): readonly (readonly [string, string])[] | Malformed {
  if (!isElf64(bytes)) return malformed('not a 64-bit little-endian ELF file', 0);
  const start = u64(bytes, 40);
  const size = bytes.readUInt16LE(58);
  const count = bytes.readUInt16LE(60);
  const namesIndex = bytes.readUInt16LE(62);
  if (count === 0 || size < 64 || namesIndex >= count || start + size * count > bytes.length)
    return malformed('section headers lie outside the file', 40);
  const section = (index: number) => {
    const at = start + index * size;
    return { name: bytes.readUInt32LE(at), offset: u64(bytes, at + 24), bytes: u64(bytes, at + 32) };
  };
  const names = section(namesIndex);
  for (let index = 0; index < count; index += 1) {
    const here = section(index);
    if (textAt(bytes, names.offset + here.name) !== '.modinfo') continue;
    if (here.offset + here.bytes > bytes.length) return malformed('.modinfo lies outside the file', here.offset);
    return bytes
      .toString('utf8', here.offset, here.offset + here.bytes)
      .split('\0')
      .filter((text) => text.includes('='))
      .map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const);
  }
  return malformed('no .modinfo section', 0);
}
