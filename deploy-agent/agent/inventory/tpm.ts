import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { Inventory } from '../../protocol.ts';
import { listFolder, readText } from './sysfs.ts';

/** TPM2_GetCapability for the property TPM_PT_MANUFACTURER (TPM 2.0 part 3, 30.2): tag, size, code, capability, property, count. */
const GET_MANUFACTURER = Buffer.from('80010000' + '0016' + '0000017a' + '00000006' + '00000105' + '00000001', 'hex');
/** Header 10, more-data 1, capability 4, count 4, property 4: then the value. */
const VALUE_OFFSET = 23;

function readManufacturer(): string | undefined {
  let fd: number;
  try {
    fd = openSync('/dev/tpm0', 'r+');
  } catch {
    return undefined;
  }
  try {
    writeSync(fd, GET_MANUFACTURER);
    const answer = Buffer.alloc(256);
    const length = readSync(fd, answer);
    if (length < VALUE_OFFSET + 4 || answer.readUInt32BE(6) !== 0) return undefined;
    return (
      answer
        .toString('latin1', VALUE_OFFSET, VALUE_OFFSET + 4)
        .replaceAll('\0', '')
        .trim() || undefined
    );
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

export function describeTpm(): Inventory['tpm'] {
  if (listFolder('/sys/class/tpm').length === 0) return undefined;
  const isTwo = readText('/sys/class/tpm/tpm0/tpm_version_major') === '2';
  const manufacturer = isTwo ? readManufacturer() : undefined;
  return { version: isTwo ? '2.0' : '1.2', ...(manufacturer ? { manufacturer } : {}) };
}
