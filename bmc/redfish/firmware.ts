import type { JsonObject } from '../../core/base/json.ts';
import type { WebSource } from '../../core/transfer/web-source.ts';
import type { FirmwareCalls } from '../firmware.ts';
import { textAt } from './json-codec.ts';
import { pushUpdate } from './push-update.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** UpdateService (DSP8010): the BMC fetches the image, or gets it from us when it can not. */
const ACTION = '#UpdateService.SimpleUpdate';

export function redfishFirmware(tree: RedfishTree, web: WebSource): FirmwareCalls {
  const service = async (signal: AbortSignal) => tree.follow(await tree.root(signal), 'UpdateService', signal);
  const inventory = async (signal: AbortSignal): Promise<readonly JsonObject[]> =>
    tree.members(await service(signal), 'FirmwareInventory', signal);
  return {
    async firmwareInventory(signal) {
      return (await inventory(signal)).map((item) => ({
        id: textAt(item, 'Id') ?? '',
        name: textAt(item, 'Name') ?? textAt(item, 'Id') ?? '',
        version: textAt(item, 'Version') ?? '',
        updateable: item['Updateable'] !== false,
      }));
    },
    async updateFirmware({ url, target }, signal) {
      const updates = await service(signal);
      const action = await tree.action(updates, ACTION, 'TransferProtocol', signal);
      const found = target === undefined ? undefined : (await inventory(signal)).find((item) => textAt(item, 'Id') === target);
      if (target !== undefined && found === undefined) throw tree.missing(`firmware "${target}"`);
      const protocol = new URL(url).protocol.slice(0, -1).toUpperCase();
      const fetches = action !== undefined && (action.allowableValues?.includes(protocol) ?? true);
      if (!fetches && textAt(updates, 'MultipartHttpPushUri') !== undefined)
        return pushUpdate(tree, updates, { url, target: found && textAt(found, '@odata.id'), web }, signal);
      if (action === undefined) throw tree.missing('way to update firmware');
      const { task } = await tree.http.start(
        'POST',
        action.target,
        {
          ImageURI: url,
          ...(action.allowableValues?.includes(protocol) ? { TransferProtocol: protocol } : {}),
          ...(found === undefined ? {} : { Targets: [textAt(found, '@odata.id')!] }),
        },
        signal,
      );
      return { id: task };
    },
  };
}
