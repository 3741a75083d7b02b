import { runCommand } from '../../native-command.ts';
import type { InventoryDisk } from '../../protocol.ts';
import type { ArrayPlan } from '../../software-raid-policy.ts';
import { listFolder, readNumber, readText } from '../inventory/sysfs.ts';

/** The kernel's arrays (md), by mdadm. Nodes below /dev are the kernel's own: there is no udev in the ramdisk. */
const WITHOUT_UDEV = { MDADM_NO_UDEV: '1' };
const mdadm = (...args: string[]) => runCommand('mdadm', args, { env: WITHOUT_UDEV });
const SECTOR_BYTES = 512;
/** Any machine may put them together again: arrays belong to the disks, not to a host name. */
const HOME_HOST = '--homehost=any';

export const isArray = (name: string): boolean => /^md\d+$/.test(name) && (readNumber(`/sys/block/${name}/size`) ?? 0) > 0;
export const arrayOf = (disk: string): string | undefined => listFolder(`/sys/block/${disk}/holders`).find(isArray);

/** As a disk of the machine; its serial is the array's UUID, which every boot finds again. */
export async function describeArray(name: string): Promise<InventoryDisk> {
  const base = `/sys/block/${name}`;
  const told = (await mdadm('--detail', '--export', `/dev/${name}`)).toString();
  const uuid = /^MD_UUID=(\S+)$/m.exec(told)?.[1];
  return {
    name,
    device: `/dev/${name}`,
    sizeBytes: (readNumber(`${base}/size`) ?? 0) * SECTOR_BYTES,
    ...(uuid === undefined ? {} : { serial: uuid }),
    model: `Linux ${readText(`${base}/md/level`) ?? 'md'}`,
    rotational: readText(`${base}/queue/rotational`) === '1',
    bus: 'other',
    logicalBlockBytes: readNumber(`${base}/queue/logical_block_size`) ?? SECTOR_BYTES,
    canDiscard: (readNumber(`${base}/queue/discard_max_bytes`) ?? 0) > 0,
    raid: {
      level: readText(`${base}/md/level`) ?? '',
      members: listFolder(`${base}/slaves`),
      state: readText(`${base}/md/array_state`) ?? '',
    },
  };
}

/** Superblock 1.0 is at the end of a member: firmware reads a mirror's as a plain disk. */
export async function createArray({ name, level, members, memberKib }: ArrayPlan): Promise<void> {
  const device = `/dev/md/${name}`;
  await mdadm(
    ...['--create', device, '--run', '--force', `--name=${name}`, HOME_HOST, `--level=${level}`, `--raid-devices=${members.length}`],
    ...[`--metadata=${level === '1' ? '1.0' : '1.2'}`, ...(level === '1' ? ['--bitmap=internal'] : [])],
    ...(memberKib === undefined || level === '0' ? [] : [`--size=${memberKib}`]),
    ...members.map((disk) => disk.device),
  );
}

export async function stopArray(device: string): Promise<void> {
  await mdadm('--stop', device);
}

export async function forgetMember(device: string): Promise<void> {
  await mdadm('--zero-superblock', '--force', device);
}
