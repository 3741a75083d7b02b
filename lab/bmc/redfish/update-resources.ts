import { redfishError } from './redfish-error.ts';
import { action, collection, link, resource, ROOT, STATUS, type RedfishNoun } from './redfish-shapes.ts';
import { accepted } from './task-resources.ts';

const SERVICE = `${ROOT}/UpdateService`;
const INVENTORY = `${SERVICE}/FirmwareInventory`;

export const updateResources: RedfishNoun = {
  find(bmc, path) {
    if (path === SERVICE)
      return resource(SERVICE, 'UpdateService.v1_8_0', 'UpdateService', 'Update Service', {
        ServiceEnabled: true,
        FirmwareInventory: link(INVENTORY),
        Actions: {
          ...action(SERVICE, 'UpdateService.SimpleUpdate', { 'TransferProtocol@Redfish.AllowableValues': ['HTTP', 'HTTPS'] }),
        },
      });
    if (path === INVENTORY)
      return collection(
        INVENTORY,
        'SoftwareInventoryCollection',
        'Firmware',
        bmc.firmware.items.map(({ id }) => `${INVENTORY}/${id}`),
      );
    const item = bmc.firmware.items.find(({ id }) => path === `${INVENTORY}/${id}`);
    if (item === undefined) return undefined;
    return resource(path, 'SoftwareInventory.v1_3_0', item.id, item.name, {
      Version: item.version,
      Updateable: true,
      SoftwareId: item.id,
      Status: STATUS,
    });
  },
  post(bmc, path, body) {
    if (path !== `${SERVICE}/Actions/UpdateService.SimpleUpdate`) return undefined;
    const { ImageURI: url, Targets: targets } = body;
    if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:/.test(url))
      return redfishError(400, 'ImageURI is not a URL of http or https.');
    const [first] = Array.isArray(targets) ? targets : [];
    const item = bmc.firmware.items.find(({ id }) => first === `${INVENTORY}/${id}`);
    if (first !== undefined && item === undefined) return redfishError(400, `There is no target ${String(first)}.`);
    return accepted(bmc.firmware.update(url, item?.id));
  },
};
