import type { Json, JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { PushedImage } from '../state/firmware-state.ts';
import { FORM_BYTES_MAX } from './form-body.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import { action, collection, isObject, link, resource, ROOT, STATUS, type RedfishNoun } from './redfish-shapes.ts';
import { accepted } from './task-resources.ts';

const SERVICE = `${ROOT}/UpdateService`;
/** `application/json` parts and one file (DSP0266 §7.10). */
export const UPDATE_PUSH = `${SERVICE}/upload`;
export const SIMPLE_UPDATE = `${SERVICE}/Actions/UpdateService.SimpleUpdate`;
export const UPDATE_SERVICE = SERVICE;
const INVENTORY = `${SERVICE}/FirmwareInventory`;

const targetOf = (bmc: BmcModel, targets: Json | undefined) => {
  const [first] = Array.isArray(targets) ? targets : [];
  const item = bmc.firmware.items.find(({ id }) => first === `${INVENTORY}/${id}`);
  return first !== undefined && item === undefined ? redfishError(400, `There is no target ${String(first)}.`) : { target: item?.id };
};

function push(bmc: BmcModel, { UpdateParameters: parameters, UpdateFile: file }: JsonObject): RedfishReply {
  if (!isObject(parameters) || !isObject(file)) return redfishError(400, 'UpdateParameters or UpdateFile is missing.');
  const found = targetOf(bmc, parameters['Targets']);
  if ('status' in found) return found;
  return accepted(bmc.firmware.install(file as unknown as PushedImage, found.target));
}

export const updateResources: RedfishNoun = {
  find(bmc, path) {
    if (path === SERVICE)
      return resource(SERVICE, 'UpdateService.v1_8_0', 'UpdateService', 'Update Service', {
        ServiceEnabled: true,
        FirmwareInventory: link(INVENTORY),
        MultipartHttpPushUri: UPDATE_PUSH,
        MaxImageSizeBytes: FORM_BYTES_MAX,
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
    if (path === UPDATE_PUSH) return push(bmc, body);
    if (path !== SIMPLE_UPDATE) return undefined;
    const { ImageURI: url, Targets: targets } = body;
    if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:/.test(url))
      return redfishError(400, 'ImageURI is not a URL of http or https.');
    const found = targetOf(bmc, targets);
    return 'status' in found ? found : accepted(bmc.firmware.update(url, found.target));
  },
};
