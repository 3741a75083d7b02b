import type { WebSource } from '../../core/transfer/web-source.ts';
import { IPMI_ALONE, unsupportedCalls } from '../unsupported-calls.ts';
import type { BmcAddress, BmcConnection } from '../capability.ts';
import { redfishAccounts } from './accounts.ts';
import { redfishBios } from './bios.ts';
import { redfishBoot } from './boot.ts';
import { redfishCertificate } from './certificate.ts';
import { redfishConsole } from './console.ts';
import { redfishEvents } from './events.ts';
import { redfishFirmware } from './firmware.ts';
import { redfishFrontPanel } from './front-panel.ts';
import { redfishHardwareLog } from './hardware-log.ts';
import { redfishIdentity } from './identity.ts';
import { redfishLan } from './lan.ts';
import { redfishPower } from './power.ts';
import type { RedfishHttp } from './redfish-http.ts';
import { createRedfishTree } from './redfish-tree.ts';
import { redfishSecureBoot } from './secure-boot.ts';
import { redfishSensors } from './sensors.ts';
import { redfishStorage } from './storage.ts';
import { redfishVirtualMedia } from './virtual-media.ts';

/** The capabilities of a BMC over Redfish, one noun a file. */
export function createRedfishConnection(
  address: BmcAddress,
  http: RedfishHttp,
  { release, web }: { readonly release: () => Promise<void>; readonly web: WebSource },
): BmcConnection {
  const tree = createRedfishTree(address, http);
  return {
    protocol: 'redfish',
    ...redfishPower(tree),
    ...redfishBoot(tree),
    ...redfishIdentity(tree),
    ...redfishAccounts(tree),
    ...redfishLan(tree),
    ...redfishConsole(tree),
    ...redfishBios(tree),
    ...redfishSecureBoot(tree),
    ...redfishVirtualMedia(tree),
    ...redfishFirmware(tree, web),
    ...redfishStorage(tree),
    ...redfishCertificate(tree),
    ...redfishEvents(tree),
    ...redfishSensors(tree),
    ...redfishHardwareLog(tree),
    ...redfishFrontPanel(tree),
    ...unsupportedCalls(IPMI_ALONE, tree.missing),
    taskState: (id, signal) => http.taskState(id, signal),
    close: release,
  };
}
