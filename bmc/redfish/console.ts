import { BmcError, type BmcConnection } from '../capability.ts';
import { isJsonObject, numberAt, objectAt, textAt, textsAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';
import { openSshConsole } from './ssh-console.ts';

export function redfishConsole(tree: RedfishTree): Pick<BmcConnection, 'openConsole' | 'graphicalConsole'> {
  const { host, username, password } = tree.address;
  return {
    /** Of the system, or of older managers. */
    async graphicalConsole(signal) {
      const told = [await tree.system(signal), await tree.manager(signal)].find((each) => isJsonObject(each['GraphicalConsole']));
      if (told === undefined) throw tree.missing('graphical console that it tells of');
      const console = objectAt(told, 'GraphicalConsole');
      const sessionsMax = numberAt(console, 'MaxConcurrentSessions');
      return {
        isEnabled: console['ServiceEnabled'] === true,
        page: tree.http.origin,
        kinds: textsAt(console, 'ConnectTypesSupported'),
        ...(sessionsMax === undefined ? {} : { sessionsMax }),
      };
    },
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
