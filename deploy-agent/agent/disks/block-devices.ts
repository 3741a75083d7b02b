import type { InventoryDisk } from '../../protocol.ts';
import { linkName, listFolder, present, readBytes, readNumber, readText, realPath } from '../inventory/sysfs.ts';
import { readSmart } from './smart.ts';
import { arrayOf, describeArray, isArray } from './software-raid.ts';

/** Not disks of the machine: memory, loops, optical drives, things stacked on disks. */
const NOT_DISKS = /^(loop|ram|zram|sr|fd|dm-|md|nbd)/;
/** The kernel counts in these whatever the disk's own block is. */
const SECTOR_BYTES = 512;

/** Vital product data page 0x80 (SPC-4, 7.8.16): 4 bytes of header, then the serial. */
const serialFromVpd = (page: Buffer | undefined): string | undefined =>
  page?.subarray(4).toString('latin1').replaceAll('\0', '').trim() || undefined;

/** `naa.5000c500…` becomes `0x5000c500…`, the form of hints and labels; NVMe keeps `eui.…`. Made-up ids are no WWN. */
export function parseWwn(wwid: string | undefined): string | undefined {
  if (wwid === undefined) return undefined;
  if (/^naa\.[0-9a-f]{16,32}$/i.test(wwid)) return `0x${wwid.slice(4).toLowerCase()}`;
  if (/^eui\.[0-9a-f]{16,32}$/i.test(wwid) && !/^eui\.0+$/.test(wwid)) return wwid.toLowerCase();
  return undefined;
}

export function parseBus(path: string, transportIsUsb = path.includes('/usb')): InventoryDisk['bus'] {
  if (transportIsUsb) return 'usb';
  if (path.includes('/nvme')) return 'nvme';
  if (path.includes('/ata')) return 'sata';
  if (/\/virtio\d+\/block/.test(path)) return 'virtio';
  if (path.includes('/host')) return 'scsi';
  return 'other';
}

/** The name that udev gives below /dev/disk/by-path, from the place in the device tree. */
export function byPathName(path: string): string | undefined {
  const pci = path.match(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/g)?.at(-1);
  if (!pci) return undefined;
  const base = `/dev/disk/by-path/pci-${pci}`;
  const namespace = /\/nvme\d+n(\d+)$/.exec(path);
  if (namespace) return `${base}-nvme-${namespace[1]}`;
  const ata = /\/ata(\d+)\//.exec(path);
  if (ata) return `${base}-ata-${ata[1]}`;
  const scsi = /\/(\d+:\d+:\d+:\d+)\/block\//.exec(path);
  if (scsi) return `${base}-scsi-0:${scsi[1]!.split(':').slice(1).join(':')}`;
  return base;
}

function describeDisk(name: string): InventoryDisk | undefined {
  const base = `/sys/block/${name}`;
  const sizeBytes = (readNumber(`${base}/size`) ?? 0) * SECTOR_BYTES;
  if (sizeBytes === 0) return undefined;
  const path = realPath(base) ?? base;
  const hctl = linkName(`${base}/device`);
  return present<InventoryDisk>({
    name,
    device: `/dev/${name}`,
    sizeBytes,
    serial: readText(`${base}/serial`) ?? readText(`${base}/device/serial`) ?? serialFromVpd(readBytes(`${base}/device/vpd_pg80`)),
    wwn: parseWwn(readText(`${base}/wwid`) ?? readText(`${base}/device/wwid`)),
    model: readText(`${base}/device/model`),
    vendor: readText(`${base}/device/vendor`),
    rotational: readText(`${base}/queue/rotational`) === '1',
    bus: parseBus(path),
    hctl: hctl && /^\d+:\d+:\d+:\d+$/.test(hctl) ? hctl : undefined,
    byPath: byPathName(path),
    logicalBlockBytes: readNumber(`${base}/queue/logical_block_size`) ?? SECTOR_BYTES,
    smart: readSmart(name),
    canDiscard: (readNumber(`${base}/queue/discard_max_bytes`) ?? 0) > 0,
    raid: undefined,
    memberOf: arrayOf(name),
  });
}

export async function listBlockDevices(): Promise<readonly InventoryDisk[]> {
  const names = listFolder('/sys/block');
  const arrays = await Promise.all(names.filter(isArray).map(describeArray));
  return [...names.filter((name) => !NOT_DISKS.test(name)).flatMap((name) => describeDisk(name) ?? []), ...arrays];
}
