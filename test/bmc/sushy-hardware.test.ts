import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, run, startRig, USERNAME, type Rig } from './bmc-rig.ts';
import { startImageServer } from './image-server.ts';

/** Debian's python3-sushy drives what an emulated BMC has beyond power: BIOS, secure boot, media, storage, firmware, log. */
let rig: Rig;
let images: Awaited<ReturnType<typeof startImageServer>>;
before(async () => {
  rig = await startRig(['redfish']);
  images = await startImageServer({ '/tool.iso': 'an image', '/bios-2.4.0.bin': 'version: 2.4.0\n' });
});
after(async () => {
  await rig.bmc.stop();
  await images.close();
});

const PRELUDE = `
import json, sys, time, sushy, urllib3
from sushy import auth
from sushy.resources.registry.attribute_registry import AttributeRegistry
urllib3.disable_warnings()
url, user, password, base = sys.argv[1:5]
said = {}
root = sushy.Sushy(url, auth=auth.SessionAuth(username=user, password=password), verify=False)
system = root.get_system()
manager = root.get_manager()
`;

async function sushy(story: string): Promise<unknown> {
  const env = { REQUESTS_CA_BUNDLE: '', CURL_CA_BUNDLE: '' };
  const args = ['-c', `${PRELUDE}${story}\nprint(json.dumps(said))`, `https://127.0.0.1:${rig.bmc.redfishPort}`, USERNAME, PASSWORD];
  return JSON.parse(await run('/usr/bin/python3', [...args, images.url('')], env));
}

test('BIOS: read, pending, applied at the next start, refused values, defaults', async () => {
  const said = await sushy(`
bios = system.bios
said["before"] = bios.attributes["SysProfile"]
bios.set_attributes({"SysProfile": "Custom", "BootRetryCount": 7})
bios.refresh(force=True)
said["pending"] = bios.pending_attributes
said["still"] = bios.attributes["SysProfile"]
system.reset_system(sushy.RESET_ON)
bios.refresh(force=True)
said["after"] = [bios.attributes["SysProfile"], bios.attributes["BootRetryCount"]]
# Debian leaves out the folder that get_attribute_registry looks into first, so the registry is read by its own class.
registry = AttributeRegistry(root._conn, "/redfish/v1/Registries/BiosAttributeRegistry.v1_0_0/Content", redfish_version=root.redfish_version)
said["registry"] = [a.name for a in registry.registry_entries.attributes][:2]
try:
    bios.set_attributes({"SysProfile": "Turbo"})
    said["wrong"] = "taken"
except sushy.exceptions.BadRequestError as error:
    said["wrong"] = str(error).split(": ", 2)[-1]
bios.reset_bios()
system.reset_system(sushy.RESET_FORCE_RESTART)
bios.refresh(force=True)
said["defaults"] = bios.attributes["SysProfile"]
`);
  assert.deepEqual(
    { ...(said as object), wrong: undefined },
    {
      before: 'PerfOptimized',
      pending: { SysProfile: 'Custom', BootRetryCount: 7 },
      still: 'PerfOptimized',
      after: ['Custom', 7],
      registry: ['ProcVirtualization', 'LogicalProc'],
      defaults: 'PerfOptimized',
      wrong: undefined,
    },
  );
  assert.match(String((said as { wrong: string }).wrong), /PerfOptimized, PerfPerWatt, Custom/);
});

test('secure boot needs UEFI, and is in force with the next start', async () => {
  assert.deepEqual(
    await sushy(`
system.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_NONE, mode=sushy.BOOT_SOURCE_MODE_UEFI)
system.secure_boot.set_enabled(True)
system.secure_boot.refresh(force=True)
said["asked"] = [system.secure_boot.enabled, system.secure_boot.current_boot.value]
system.reset_system(sushy.RESET_FORCE_RESTART)
system.secure_boot.refresh(force=True)
said["after"] = [system.secure_boot.enabled, system.secure_boot.current_boot.value, system.secure_boot.mode.value]
system.secure_boot.reset_keys(sushy.SECURE_BOOT_RESET_KEYS_DELETE_PK)
system.secure_boot.refresh(force=True)
said["without"] = system.secure_boot.mode.value
`),
    { asked: [true, 'Disabled'], after: [true, 'Enabled', 'UserMode'], without: 'SetupMode' },
  );
});

test('virtual media: in, seen by the machine, out', async () => {
  const said = await sushy(`
media = [m for m in manager.virtual_media.get_members() if sushy.VIRTUAL_MEDIA_CD in m.media_types][0]
media.insert_media(base + "/tool.iso")
media.refresh(force=True)
said["in"] = [media.inserted, media.image_name]
try:
    media.insert_media(base + "/missing.iso")
except sushy.exceptions.HTTPError:
    said["missing"] = "refused"
`);
  assert.deepEqual(said, { in: [true, 'tool.iso'], missing: 'refused' });
  assert.equal(rig.machine.media.get('cdrom'), images.url('/tool.iso'));
  assert.deepEqual(
    await sushy(`
media = manager.virtual_media.get_members()[0]
media.eject_media()
media.refresh(force=True)
said["out"] = media.inserted
`),
    { out: false },
  );
  assert.equal(rig.machine.media.size, 0);
});

test('storage: controllers, drives, a volume made and deleted', async () => {
  assert.deepEqual(
    await sushy(`
storage = system.storage.get_members()[0]
said["drives"] = [[d.name, d.capacity_bytes] for d in storage.drives]
made = storage.volumes.create({"RAIDType": "RAID1", "DisplayName": "root", "Links": {"Drives": [{"@odata.id": d.path} for d in storage.drives]}})
storage.volumes.refresh(force=True)
volume = storage.volumes.get_members()[0]
said["volume"] = [volume.raid_type.value, volume.capacity_bytes]
volume.delete()
said["left"] = len(root.get_system().storage.get_members()[0].volumes.get_members())
`),
    {
      drives: [
        ['Drive 0', 480e9],
        ['Drive 1', 480e9],
      ],
      volume: ['RAID1', 480e9],
      left: 0,
    },
  );
});

test('firmware: inventory and an update with its task', async () => {
  assert.deepEqual(
    await sushy(`
service = root.get_update_service()
items = lambda: {i.identity: i.version for i in service.firmware_inventory.get_members()}
said["before"] = items()["BIOS"]
monitor = service.simple_update(base + "/bios-2.4.0.bin", targets=["/redfish/v1/UpdateService/FirmwareInventory/BIOS"])
while monitor.is_processing:
    time.sleep(0.05)
    monitor.refresh()
said["task"] = monitor.get_task().task_state.value
system.reset_system(sushy.RESET_FORCE_RESTART)
root = sushy.Sushy(url, auth=auth.SessionAuth(username=user, password=password), verify=False)
service = root.get_update_service()
said["after"] = items()["BIOS"]
`),
    { before: '1.0.0', task: 'Completed', after: '2.4.0' },
  );
});

test('NMI, indicator, thermal and power', async () => {
  const said = await sushy(`
system.reset_system(sushy.RESET_NMI)
system.set_indicator_led(sushy.INDICATOR_LED_BLINKING)
system.refresh(force=True)
said["led"] = system.indicator_led.value
chassis = root.get_chassis()
said["temperatures"] = [t.name for t in chassis.thermal.temperatures]
said["fans"] = [f.reading for f in chassis.thermal.fans]
`);
  assert.deepEqual(said, { led: 'Blinking', temperatures: ['Inlet Temp', 'CPU Temp'], fans: [6200] });
  await rig.bmc.state.settled();
  assert.equal(rig.machine.nmis, 1);
});
