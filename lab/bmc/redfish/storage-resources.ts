import type { JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { MachineDisk } from '../machine-control.ts';
import { RAID_TYPES, type EmulatedVolume } from '../state/storage-state.ts';
import { redfishError } from './redfish-error.ts';
import { collection, isObject, link, resource, STATUS, SYSTEM_PATH, type RedfishNoun } from './redfish-shapes.ts';
import { accepted } from './task-resources.ts';

const STORAGE = `${SYSTEM_PATH}/Storage`;
const CONTROLLER_ID = 'RAID.1';
const CONTROLLER = `${STORAGE}/${CONTROLLER_ID}`;
const DRIVES = `${CONTROLLER}/Drives`;
const VOLUMES = `${CONTROLLER}/Volumes`;
const OLD_TYPES = {
  RAID0: 'NonRedundant',
  RAID1: 'Mirrored',
  RAID5: 'StripedWithParity',
  RAID6: 'StripedWithParity',
  RAID10: 'SpannedMirrors',
};

const controllerBody = (bmc: BmcModel): JsonObject =>
  resource(CONTROLLER, 'Storage.v1_8_0', CONTROLLER_ID, 'RAID Controller', {
    Status: STATUS,
    StorageControllers: [
      {
        '@odata.id': `${CONTROLLER}#/StorageControllers/0`,
        MemberId: '0',
        Name: 'RAID Controller',
        Status: STATUS,
        FirmwareVersion: bmc.firmware.version('RAID.1'),
        SpeedGbps: 12,
        SupportedDeviceProtocols: ['SATA', 'NVMe'],
        SupportedRAIDTypes: Object.keys(RAID_TYPES),
        Identifiers: [],
      },
    ],
    'StorageControllers@odata.count': 1,
    Drives: bmc.storage.disks.map((_disk, index) => link(`${DRIVES}/${index}`)),
    'Drives@odata.count': bmc.storage.disks.length,
    Volumes: link(VOLUMES),
    Links: {},
  });

const driveBody = (bmc: BmcModel, disk: MachineDisk, index: number): JsonObject =>
  resource(`${DRIVES}/${index}`, 'Drive.v1_4_0', String(index), disk.name, {
    SerialNumber: disk.serial,
    CapacityBytes: disk.sizeBytes,
    MediaType: disk.media,
    Protocol: disk.bus,
    Status: STATUS,
    Links: {
      Volumes: bmc.storage.volumes.filter(({ drives }) => drives.includes(index)).map(({ id }) => link(`${VOLUMES}/${id}`)),
    },
  });

const volumeBody = (volume: EmulatedVolume): JsonObject =>
  resource(`${VOLUMES}/${volume.id}`, 'Volume.v1_4_0', volume.id, volume.name, {
    DisplayName: volume.name,
    RAIDType: volume.raidType,
    VolumeType: OLD_TYPES[volume.raidType],
    CapacityBytes: volume.sizeBytes,
    Identifiers: [],
    Operations: [],
    Status: STATUS,
    Links: { Drives: volume.drives.map((drive) => link(`${DRIVES}/${drive}`)) },
  });

/** Indexes of the drives that a request names. */
function drivesOf(bmc: BmcModel, body: JsonObject): number[] | undefined {
  const links = isObject(body['Links']) ? body['Links']['Drives'] : undefined;
  if (!Array.isArray(links)) return undefined;
  const drives = links.map((each) =>
    bmc.storage.disks.findIndex((_disk, index) => isObject(each) && each['@odata.id'] === `${DRIVES}/${index}`),
  );
  return drives.includes(-1) ? undefined : drives;
}

export const storageResources: RedfishNoun = {
  find(bmc, path) {
    const { disks, volumes } = bmc.storage;
    if (path === STORAGE) return collection(STORAGE, 'StorageCollection', 'Storage', disks.length === 0 ? [] : [CONTROLLER]);
    if (disks.length === 0) return undefined;
    if (path === CONTROLLER) return controllerBody(bmc);
    if (path === VOLUMES)
      return collection(
        VOLUMES,
        'VolumeCollection',
        'Volumes',
        volumes.map(({ id }) => `${VOLUMES}/${id}`),
      );
    const drive = disks.findIndex((_disk, index) => path === `${DRIVES}/${index}`);
    if (drive >= 0) return driveBody(bmc, disks[drive]!, drive);
    const volume = volumes.find(({ id }) => path === `${VOLUMES}/${id}`);
    return volume && volumeBody(volume);
  },
  post(bmc, path, body) {
    if (path !== VOLUMES) return undefined;
    const drives = drivesOf(bmc, body);
    if (drives === undefined) return redfishError(400, 'Links/Drives names no drives of this controller.');
    const name = body['DisplayName'] ?? body['Name'];
    const made = bmc.storage.create({
      name: typeof name === 'string' ? name : undefined,
      raidType: body['RAIDType'],
      sizeBytes: body['CapacityBytes'] ?? undefined,
      drives,
    });
    return typeof made === 'string' ? redfishError(400, made) : accepted(made);
  },
  remove(bmc, path) {
    const task = path.startsWith(`${VOLUMES}/`) ? bmc.storage.delete(path.slice(VOLUMES.length + 1)) : undefined;
    return task && accepted(task);
  },
};
