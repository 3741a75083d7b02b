import { isMalformed } from '../../../core/base/malformed.ts';
import type { Inventory } from '../../protocol.ts';
import { decodeSmbios, memoryDevices, type SmbiosStructure, smbiosText, smbiosUuid } from './smbios-codec.ts';
import { present, readBytes, readText } from './sysfs.ts';

/** Who the machine is and which memory it holds, from its SMBIOS table. */
export function readSmbios(): readonly SmbiosStructure[] {
  const table = readBytes('/sys/firmware/dmi/tables/DMI');
  const structures = table ? decodeSmbios(table) : [];
  return isMalformed(structures) ? [] : structures;
}

export function describeSystem(structures: readonly SmbiosStructure[]): Inventory['system'] {
  const first = (type: number) => structures.find((structure) => structure.type === type);
  const [firmware, system, board, chassis] = [first(0), first(1), first(2), first(3)];
  return present<Inventory['system']>({
    uuid: smbiosUuid(system),
    manufacturer: smbiosText(system, 4),
    product: smbiosText(system, 5),
    serial: smbiosText(system, 7),
    boardSerial: smbiosText(board, 7),
    chassisSerial: smbiosText(chassis, 7),
    assetTag: smbiosText(chassis, 8),
    firmwareVendor: smbiosText(firmware, 4),
    firmwareVersion: smbiosText(firmware, 5),
    firmwareDate: smbiosText(firmware, 8),
  });
}

export function describeMemory(structures: readonly SmbiosStructure[]): Inventory['memory'] {
  const dimms = memoryDevices(structures);
  const kernelKibibytes = Number(/^MemTotal:\s+(\d+)/m.exec(readText('/proc/meminfo') ?? '')?.[1] ?? 0);
  const installed = dimms.reduce((sum, dimm) => sum + dimm.sizeBytes, 0);
  // What is plugged in, where the firmware tells; the kernel keeps some for itself.
  return { totalBytes: installed > 0 ? installed : kernelKibibytes * 1024, dimms };
}
