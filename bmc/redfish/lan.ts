import { parseMacAddress } from '../../core/base/mac-address.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { BmcConnection } from '../capability.ts';
import { objectsAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

const addressOf = (nic: JsonObject): JsonObject => objectsAt(nic, 'IPv4Addresses')[0] ?? {};

export function redfishLan(tree: RedfishTree): Pick<BmcConnection, 'lan'> {
  return {
    async lan(signal) {
      const nics = await tree.members(await tree.manager(signal), 'EthernetInterfaces', signal);
      const used =
        nics.find((nic) => textAt(addressOf(nic), 'Address') === tree.address.host) ??
        nics.find((nic) => textAt(addressOf(nic), 'Address'));
      if (!used) throw tree.missing('manager network interface with an IPv4 address');
      const ip = addressOf(used);
      const origin = textAt(ip, 'AddressOrigin');
      return {
        ipAddress: textAt(ip, 'Address') ?? '0.0.0.0',
        netmask: textAt(ip, 'SubnetMask') ?? '0.0.0.0',
        gateway: textAt(ip, 'Gateway') ?? '0.0.0.0',
        mac: parseMacAddress(textAt(used, 'MACAddress') ?? '') ?? '',
        source: origin === 'DHCP' ? 'dhcp' : origin === 'Static' ? 'static' : 'other',
      };
    },
  };
}
