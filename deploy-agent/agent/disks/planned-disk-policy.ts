import type { AgentErrorCode, InventoryDisk, PlannedDisk } from '../../protocol.ts';

/** Which disk of the machine the plan means. Nothing is written to any other. */
export type PlannedDiskFound = { readonly disk: InventoryDisk } | { readonly code: AgentErrorCode; readonly message: string };

const normalizeWwn = (wwn: string) => wwn.toLowerCase().replace(/^(0x|naa\.|eui\.)/, '');

export function findPlannedDisk(disks: readonly InventoryDisk[], planned: PlannedDisk): PlannedDiskFound {
  if (typeof planned?.serial !== 'string' || planned.serial.trim() === '' || !Number.isSafeInteger(planned.sizeBytes)) {
    return { code: 'step-arguments', message: 'the planned disk needs a serial and a size in bytes' };
  }
  const wanted = planned.serial.trim();
  const bySerial = disks.filter((disk) => disk.serial?.trim() === wanted);
  if (bySerial.length === 0) {
    const seen = disks.map((disk) => `${disk.device} ${disk.serial ?? 'without a serial'}`).join(', ') || 'no disks';
    return { code: 'disk-not-found', message: `no disk has the serial ${wanted}; this machine has ${seen}` };
  }
  const byWwn = bySerial.filter((disk) => !planned.wwn || !disk.wwn || normalizeWwn(disk.wwn) === normalizeWwn(planned.wwn));
  if (byWwn.length === 0)
    return { code: 'disk-not-in-plan', message: `the disk ${wanted} has the WWN ${bySerial[0]!.wwn}, the plan says ${planned.wwn}` };
  const bySize = byWwn.filter((disk) => disk.sizeBytes === planned.sizeBytes);
  const [disk, another] = bySize;
  if (!disk)
    return { code: 'disk-not-in-plan', message: `the disk ${wanted} has ${byWwn[0]!.sizeBytes} bytes, the plan says ${planned.sizeBytes}` };
  if (another)
    return { code: 'disk-not-in-plan', message: `${disk.device} and ${another.device} both look like the planned disk ${wanted}` };
  return { disk };
}
