import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { IDENTITY, PASSWORD, run, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Debian's python3-sushy (OpenStack's Redfish client) drives the emulated BMC. */
let rig: Rig;
before(async () => void (rig = await startRig(['redfish'])));
after(() => rig.bmc.stop());

const STORY = `
import json, sys, sushy, urllib3
from sushy import auth
urllib3.disable_warnings()
url, user, password = sys.argv[1:4]
said = {}
sushy.Sushy(url, auth=auth.BasicAuth(username=user, password=password), verify=False)
root = sushy.Sushy(url, auth=auth.SessionAuth(username=user, password=password), verify=False)
system = root.get_system(root.get_system_collection().members_identities[0])
said["uuid"] = system.uuid
said["macs"] = [each.mac_address for each in system.ethernet_interfaces.get_members()]
system.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE, mode=sushy.BOOT_SOURCE_MODE_UEFI)
system.refresh(force=True)
said["boot"] = [system.boot.target.value, system.boot.enabled.value, system.boot.mode.value]
system.reset_system(sushy.RESET_ON)
system.refresh(force=True)
said["on"] = system.power_state.value
said["after"] = system.boot.enabled.value
system.reset_system(sushy.RESET_FORCE_OFF)
system.refresh(force=True)
said["off"] = system.power_state.value
said["manager"] = root.get_manager(root.get_manager_collection().members_identities[0]).manager_type.value
said["sessions"] = len(root.get_session_service().sessions.members_identities)
try:
    sushy.Sushy(url, auth=auth.SessionAuth(username=user, password="wrong"), verify=False)
    said["wrong"] = "accepted"
except sushy.exceptions.AccessError:
    said["wrong"] = "refused"
print(json.dumps(said))
`;

test('sushy: login, identity, boot once by UEFI, power, manager', async () => {
  // A bundle in the environment would make the client check the self-signed certificate after all.
  const env = { REQUESTS_CA_BUNDLE: '', CURL_CA_BUNDLE: '' };
  const said = JSON.parse(
    await run('/usr/bin/python3', ['-c', STORY, `https://127.0.0.1:${rig.bmc.redfishPort}`, USERNAME, PASSWORD], env),
  ) as unknown;
  assert.deepEqual(said, {
    uuid: IDENTITY.uuid,
    macs: IDENTITY.macs,
    boot: ['Pxe', 'Once', 'UEFI'],
    on: 'On',
    after: 'Disabled',
    off: 'Off',
    manager: 'BMC',
    sessions: 1,
    wrong: 'refused',
  });
  assert.deepEqual(rig.machine.boots.at(-1), { device: 'network', persistent: false, firmwareMode: 'uefi' });
});
