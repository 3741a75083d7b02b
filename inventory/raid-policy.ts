/*
 * What a client may wish for as a node's RAID (`target_raid_config`), checked without a database, and the words that
 * explain each property to people.
 */
export const RAID_LEVELS = ['JBOD', '0', '1', '2', '5', '6', '1+0', '5+0', '6+0'] as const;
export const DISK_TYPES = ['hdd', 'ssd'] as const;
export const DISK_BUSES = ['sata', 'scsi', 'sas'] as const;

const oneOf = (words: readonly string[]) => words.join(', ');

/** Property of a logical disk → what it is. */
export const RAID_PROPERTIES: Readonly<Record<string, string>> = {
  raid_level: `Level of the logical disk: ${oneOf(RAID_LEVELS)}. Required.`,
  size_gb: 'Size in GiB, or MAX for all the space that is left. Required.',
  volume_name: 'Name of the volume. Default: made by the controller.',
  is_root_volume: 'Whether the operating system goes here. Default: false.',
  share_physical_disks: 'Whether other logical disks may use the same physical disks. Default: false.',
  disk_type: `Kind of the physical disks: ${oneOf(DISK_TYPES)}. Default: any.`,
  interface_type: `Bus of the physical disks: ${oneOf(DISK_BUSES)}. Default: any.`,
  number_of_physical_disks: 'How many physical disks. Default: as few as the level needs.',
  controller: 'The controller to use. Default: a suitable one.',
  physical_disks: 'The physical disks to use; needs controller. Default: suitable ones.',
};

type LogicalDisk = Readonly<Record<string, unknown>>;
const isText = (value: unknown) => typeof value === 'string';
const isTruth = (value: unknown) => typeof value === 'boolean';
const isWhole = (min: number) => (value: unknown) => Number.isInteger(value) && (value as number) >= min;
const isOneOf = (words: readonly string[]) => (value: unknown) => words.includes(value as string);

const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  raid_level: isOneOf(RAID_LEVELS),
  size_gb: (value) => value === 'MAX' || isWhole(0)(value),
  volume_name: isText,
  is_root_volume: isTruth,
  share_physical_disks: isTruth,
  disk_type: isOneOf(DISK_TYPES),
  interface_type: isOneOf(DISK_BUSES),
  number_of_physical_disks: isWhole(1),
  controller: isText,
  physical_disks: (value) =>
    Array.isArray(value) && (value.every(isText) || (value.length >= 2 && value.every((disk) => typeof disk === 'object'))),
};

function problemOf(disk: LogicalDisk): string | undefined {
  if (typeof disk !== 'object' || disk === null) return 'a logical disk is not an object';
  const unknown = Object.keys(disk).find((name) => !Object.hasOwn(CHECKS, name));
  if (unknown !== undefined) return `a logical disk has no property ${unknown}`;
  const missing = ['raid_level', 'size_gb'].find((name) => !(name in disk));
  if (missing !== undefined) return `a logical disk needs ${missing}`;
  const wrong = Object.keys(disk).find((name) => !CHECKS[name]!(disk[name]));
  if (wrong !== undefined) return `${wrong} is wrong. ${RAID_PROPERTIES[wrong]}`;
  if ('physical_disks' in disk && !('controller' in disk)) return 'physical_disks needs controller';
  return undefined;
}

const LOGICAL_DISKS_MAX = 256;

/** What is wrong with a target RAID configuration; undefined when nothing is. An empty one asks for no RAID. */
export function checkRaidConfig(config: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(config);
  if (names.length === 0) return undefined;
  const disks = config['logical_disks'];
  if (names.length !== 1 || !Array.isArray(disks) || disks.length === 0 || disks.length > LOGICAL_DISKS_MAX)
    return `it has only logical_disks, a list of 1 to ${LOGICAL_DISKS_MAX}`;
  if (disks.filter((disk: LogicalDisk) => disk?.['is_root_volume'] === true).length > 1)
    return 'more than one logical disk is the root volume';
  return (disks as LogicalDisk[]).map(problemOf).find((problem) => problem !== undefined);
}
