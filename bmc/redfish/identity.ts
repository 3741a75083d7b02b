import { parseMacAddress } from '../../core/base/mac-address.ts';
import type { BmcConnection } from '../capability.ts';
import { optional, pathAt, textAt } from './json-codec.ts';
import { ignoreUnsupported, type RedfishTree } from './redfish-tree.ts';

export function redfishIdentity(tree: RedfishTree): Pick<BmcConnection, 'identity'> {
  return {
    async identity(signal) {
      const system = await tree.system(signal);
      const firmware = textAt(await tree.manager(signal).catch(ignoreUnsupported), 'FirmwareVersion');
      const nics = pathAt(system, 'EthernetInterfaces') ? await tree.members(system, 'EthernetInterfaces', signal) : [];
      return {
        ...optional('systemUuid', textAt(system, 'UUID')?.toLowerCase()),
        ...optional('manufacturer', textAt(system, 'Manufacturer')),
        ...optional('product', textAt(system, 'Model')),
        ...optional('serial', textAt(system, 'SerialNumber')),
        ...optional('assetTag', textAt(system, 'AssetTag')),
        ...optional('bmcFirmware', firmware),
        nicMacs: nics.flatMap((nic) => parseMacAddress(textAt(nic, 'PermanentMACAddress') ?? textAt(nic, 'MACAddress') ?? '') ?? []),
      };
    },
  };
}
