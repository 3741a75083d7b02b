import type { JsonObject } from '../core/base/json.ts';
import type { InventoryDisk } from './protocol.ts';
import { chooseRootDevice } from './root-device-policy.ts';

/*
 * Which disks become which array, from a node's `target_raid_config`. An array has whole disks: a mirror's members then look to
 * firmware like plain disks (superblock 1.0 is at their end), so that the machine boots from any of them.
 */
export interface ArrayPlan {
  readonly name: string;
  readonly level: '0' | '1' | '10';
  readonly members: readonly InventoryDisk[];
  /** Of each member; undefined: all of it. */
  readonly memberKib?: number;
}
export type ArraysPlan = { readonly arrays: readonly ArrayPlan[] } | { readonly problem: string };

const LEVELS: Readonly<Record<string, { readonly level: ArrayPlan['level']; readonly disksMin: number; sizeOf(disks: number): number }>> = {
  '0': { level: '0', disksMin: 2, sizeOf: (disks) => disks },
  '1': { level: '1', disksMin: 2, sizeOf: () => 1 },
  '1+0': { level: '10', disksMin: 4, sizeOf: (disks) => Math.floor(disks / 2) },
};
const NAME_FORM = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;
const KIB_A_GIB = 2 ** 20;

type Wish = JsonObject;

export function planArrays(config: JsonObject, disks: readonly InventoryDisk[]): ArraysPlan {
  const wishes = (config['logical_disks'] ?? []) as Wish[];
  if (!Array.isArray(wishes) || wishes.length === 0) return { problem: 'target_raid_config has no logical_disks' };
  let free = disks.filter((disk) => disk.serial !== undefined && disk.raid === undefined);
  const arrays: ArrayPlan[] = [];
  for (const [index, wish] of wishes.entries()) {
    if (wishes.length > 1 && wish['physical_disks'] === undefined)
      return { problem: 'arrays have whole disks: with several logical disks each needs its physical_disks' };
    const array = planArray(wish, free, String(index));
    if ('problem' in array) return { problem: `logical disk ${index}: ${array.problem}` };
    arrays.push(array);
    free = free.filter((disk) => !array.members.includes(disk));
  }
  const names = new Set(arrays.map(({ name }) => name));
  return names.size < arrays.length ? { problem: 'two logical disks have one volume_name' } : { arrays };
}

function planArray(wish: Wish, free: readonly InventoryDisk[], index: string): ArrayPlan | { readonly problem: string } {
  if (wish['controller'] !== 'software')
    return { problem: `the agent makes arrays with controller "software" only, not ${JSON.stringify(wish['controller'] ?? null)}` };
  if (wish['share_physical_disks'] === true) return { problem: 'arrays have whole disks: share_physical_disks is not done' };
  const known = LEVELS[String(wish['raid_level'])];
  if (known === undefined)
    return { problem: `raid_level ${String(wish['raid_level'])} is not made in software here: ${Object.keys(LEVELS).join(', ')} are` };
  const name = String(wish['volume_name'] ?? index);
  if (!NAME_FORM.test(name)) return { problem: 'volume_name has more than letters, digits, dash and underscore' };
  const chosen = chooseMembers(wish, free);
  if ('problem' in chosen) return chosen;
  const { members } = chosen;
  if (members.length < known.disksMin || (known.level === '10' && members.length % 2 === 1))
    return {
      problem: `raid_level ${String(wish['raid_level'])} needs ${known.disksMin} disks or more${known.level === '10' ? ', in pairs' : ''}; ${members.length} fit`,
    };
  const size = wish['size_gb'];
  if (size === 'MAX') return { name, level: known.level, members };
  const memberKib = Math.ceil((Number(size) * KIB_A_GIB) / known.sizeOf(members.length));
  const smallest = Math.min(...members.map((disk) => disk.sizeBytes)) / 1024;
  if (!(memberKib > 0 && memberKib < smallest)) return { problem: `size_gb ${String(size)} does not fit on these disks` };
  return { name, level: known.level, members, memberKib };
}

function chooseMembers(
  wish: Wish,
  free: readonly InventoryDisk[],
): { readonly members: readonly InventoryDisk[] } | { readonly problem: string } {
  const { physical_disks: named, number_of_physical_disks: count, disk_type: type, interface_type: bus } = wish;
  if (named !== undefined) return chooseNamed(named as (string | JsonObject)[], free);
  const fitting = free.filter(
    (disk) =>
      (type === undefined || (type === 'hdd') === disk.rotational) &&
      (bus === undefined || (bus === 'sata' ? disk.bus === 'sata' : disk.bus === 'scsi')),
  );
  if (count !== undefined && fitting.length < Number(count))
    return { problem: `${String(count)} disks are asked for, ${fitting.length} fit` };
  return { members: count === undefined ? fitting : fitting.slice(0, Number(count)) };
}

/** Names as `/dev/sda`, or root device hints of one disk each. */
function chooseNamed(named: readonly (string | JsonObject)[], free: readonly InventoryDisk[]) {
  const members: InventoryDisk[] = [];
  for (const each of named) {
    const left = free.filter((disk) => !members.includes(disk));
    const choice = chooseRootDevice(left, typeof each === 'string' ? { name: each } : each);
    if ('error' in choice) return { problem: choice.error };
    members.push(choice.disk);
  }
  return { members };
}
