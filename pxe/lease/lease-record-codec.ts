import { crc32 } from 'node:zlib';
import { parseIp } from '../../core/base/ip-address.ts';
import { isMacAddress } from '../../core/base/mac-address.ts';
import { type Malformed, malformed } from '../../core/base/malformed.ts';
import type { LeaseRecord } from '../boot-model.ts';

/**
 * One line of the lease journal: eight hex digits of CRC-32 over the JSON, a space, the JSON, a line feed. Text, so that an
 * operator can read it; checked, so that a torn or rotten line is known as such.
 *
 *   1f0c96a2 {"ipAddress":"10.77.0.50","mac":"52:54:00:00:00:01",…}
 *   5d2b0a11 {"storedThrough":1790000000000123}
 */
export type JournalEntry = { readonly lease: LeaseRecord } | { readonly storedThrough: number };

const checksum = (text: string) => crc32(text).toString(16).padStart(8, '0');

const STATES: ReadonlySet<unknown> = new Set(['bound', 'released', 'declined', 'expired']);

export function encodeJournalLine(entry: JournalEntry): string {
  const json = JSON.stringify('lease' in entry ? entry.lease : entry);
  return `${checksum(json)} ${json}\n`;
}

export const isLeaseRecord = (value: Partial<LeaseRecord>): value is LeaseRecord =>
  typeof value.ipAddress === 'string' &&
  parseIp(value.ipAddress) !== undefined &&
  typeof value.mac === 'string' &&
  isMacAddress(value.mac) &&
  typeof value.subnetId === 'string' &&
  STATES.has(value.state) &&
  Number.isSafeInteger(value.expiresAtMs) &&
  Number.isSafeInteger(value.sequence);

/** Reads one line without its line feed. */
export function decodeJournalLine(line: string): JournalEntry | Malformed {
  const json = line.slice(9);
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return malformed('the checksum does not match the line', 0);
  try {
    const value = JSON.parse(json) as Partial<LeaseRecord> & { storedThrough?: unknown };
    if (Number.isSafeInteger(value?.storedThrough)) return { storedThrough: value.storedThrough as number };
    return isLeaseRecord(value) ? { lease: value } : malformed('neither a lease nor a watermark', 9);
  } catch {
    return malformed('not JSON', 9);
  }
}
