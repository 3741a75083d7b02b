import type { JsonObject } from '../../core/base/json.ts';
import { RAID_TYPES, type RaidType, type StorageCalls, type StorageController, type StorageDrive, type StorageVolume } from '../storage.ts';
import { memberPaths, numberAt, objectAt, objectsAt, optional, pathAt, textAt, textsAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** Storage, Drive and Volume (DSP8010). */
const BUSES: Readonly<Record<string, StorageDrive['bus']>> = { SATA: 'sata', SAS: 'sas', NVMe: 'nvme', PCIe: 'nvme' };
const MEDIA: Readonly<Record<string, StorageDrive['media']>> = { HDD: 'hdd', SSD: 'ssd' };
/** What services from before `RAIDType` said. */
const OLD_TYPES: Readonly<Record<string, RaidType>> = {
  RawDevice: 'None',
  NonRedundant: 'RAID0',
  Mirrored: 'RAID1',
  StripedWithParity: 'RAID5',
  SpannedMirrors: 'RAID10',
  SpannedStripesWithParity: 'RAID50',
};

const idOf = (resource: JsonObject): string => textAt(resource, 'Id') ?? '';
const isRaidType = (word: string): word is RaidType => (RAID_TYPES as readonly string[]).includes(word);

const driveOf = (drive: JsonObject): StorageDrive => ({
  id: idOf(drive),
  name: textAt(drive, 'Name') ?? idOf(drive),
  ...optional('serial', textAt(drive, 'SerialNumber')),
  sizeBytes: numberAt(drive, 'CapacityBytes') ?? 0,
  ...optional('media', MEDIA[textAt(drive, 'MediaType') ?? '']),
  ...optional('bus', BUSES[textAt(drive, 'Protocol') ?? '']),
});

function volumeOf(volume: JsonObject, driveIds: ReadonlyMap<string, string>): StorageVolume {
  const word = textAt(volume, 'RAIDType') ?? '';
  return {
    id: idOf(volume),
    name: textAt(volume, 'DisplayName') ?? textAt(volume, 'Name') ?? idOf(volume),
    ...optional('raidType', isRaidType(word) ? word : OLD_TYPES[textAt(volume, 'VolumeType') ?? '']),
    sizeBytes: numberAt(volume, 'CapacityBytes') ?? 0,
    drives: memberPaths(objectAt(volume, 'Links')['Drives']).flatMap((path) => driveIds.get(path) ?? []),
  };
}

interface Found {
  readonly resource: JsonObject;
  readonly drives: readonly JsonObject[];
  readonly volumes: readonly JsonObject[];
}

export function redfishStorage(tree: RedfishTree): StorageCalls {
  const find = async (resource: JsonObject, signal: AbortSignal): Promise<Found> => ({
    resource,
    drives: await Promise.all(memberPaths(resource['Drives']).map((path) => tree.http.get(path, signal))),
    volumes: pathAt(resource, 'Volumes') === undefined ? [] : await tree.members(resource, 'Volumes', signal),
  });
  const all = async (signal: AbortSignal) => tree.members(await tree.system(signal), 'Storage', signal);
  const mustFind = async (controller: string, signal: AbortSignal): Promise<Found> => {
    const resource = (await all(signal)).find((each) => idOf(each) === controller);
    if (resource === undefined) throw tree.missing(`storage controller "${controller}"`);
    return find(resource, signal);
  };
  const show = ({ resource, drives, volumes }: Found): StorageController => {
    const driveIds = new Map(drives.map((drive) => [textAt(drive, '@odata.id') ?? '', idOf(drive)]));
    const parts = objectsAt(resource, 'StorageControllers');
    return {
      id: idOf(resource),
      name: textAt(resource, 'Name') ?? idOf(resource),
      raidTypes: [...new Set(parts.flatMap((part) => textsAt(part, 'SupportedRAIDTypes')))].filter(isRaidType),
      drives: drives.map(driveOf),
      volumes: volumes.map((volume) => volumeOf(volume, driveIds)),
      managesVolumes: pathAt(resource, 'Volumes') !== undefined,
    };
  };
  return {
    storage: async (signal) => (await Promise.all((await all(signal)).map((resource) => find(resource, signal)))).map(show),
    async createVolume(volume, signal) {
      const { resource, drives } = await mustFind(volume.controller, signal);
      const collection = pathAt(resource, 'Volumes');
      if (collection === undefined) throw tree.missing('volumes on this controller');
      const links = volume.drives.map((id) => {
        const drive = drives.find((each) => idOf(each) === id);
        if (drive === undefined) throw tree.missing(`drive "${id}"`);
        return { '@odata.id': textAt(drive, '@odata.id')! };
      });
      const body = {
        RAIDType: volume.raidType,
        ...optional('DisplayName', volume.name),
        ...optional('CapacityBytes', volume.sizeBytes),
        Links: { Drives: links },
      };
      return { id: (await tree.http.start('POST', collection, body as JsonObject, signal)).task };
    },
    async deleteVolume(controller, volume, signal) {
      const { volumes } = await mustFind(controller, signal);
      const path = textAt(volumes.find((each) => idOf(each) === volume) ?? {}, '@odata.id');
      if (path === undefined) return { id: undefined };
      return { id: (await tree.http.start('DELETE', path, undefined, signal)).task };
    },
  };
}
