import { BmcError, type BmcConnection } from '../capability.ts';
import { objectAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';
import { openSshConsole } from './ssh-console.ts';

export function redfishConsole(tree: RedfishTree): Pick<BmcConnection, 'openConsole'> {
  const { host, username, password } = tree.address;
  return {
    async openConsole(signal) {
      const ssh = objectAt(objectAt(await tree.system(signal), 'SerialConsole'), 'SSH');
      if (ssh['ServiceEnabled'] !== true) {
        throw new BmcError(
          'unsupported',
          `${host}: Redfish offers no SSH console here`,
          'Give the BMC an IPMI address as well: its console then comes by Serial over LAN.',
        );
      }
      const entry = textAt(ssh, 'ConsoleEntryCommand');
      return openSshConsole({ host, port: Number(ssh['Port'] ?? 22), username, password, entry }, signal);
    },
  };
}
