import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { PASSWORD, startRig as startBmc, USERNAME, type Rig as Bmc } from '../bmc/bmc-rig.ts';
import { findProfile } from '../../lab/bmc/vendor-profile.ts';
import { startImageServer } from '../bmc/image-server.ts';
import { startRig, type Rig } from './baremetal-rig.ts';

/** What the API does with a machine's BMC, over a control plane as it is, on an emulated BMC: both drivers of real machines. */
let rig: Rig;
let bmc: Bmc;
let images: Awaited<ReturnType<typeof startImageServer>>;
before(async () => {
  [rig, bmc, images] = await Promise.all([
    startRig(),
    startBmc(),
    startImageServer({
      '/tool.iso': 'an image',
      '/bios-2.4.0.bin': 'version: 2.4.0\n',
      '/bmc-1.10.bin': 'version: 1.10\n',
      '/bad.bin': '',
    }),
  ]);
});
after(async () => {
  await rig.stop();
  await bmc.bmc.stop();
  await images.close();
});

const redfishNode = async (fields: JsonObject = {}): Promise<string> => {
  const { uuid } = await rig.expect(201, 'POST', '/v1/nodes', {
    driver: 'redfish',
    driver_info: {
      redfish_address: `https://127.0.0.1:${bmc.bmc.redfishPort}`,
      redfish_username: USERNAME,
      redfish_password: PASSWORD,
    },
    ...fields,
  });
  await rig.verb(String(uuid), 'manage', 'manageable');
  return String(uuid);
};
const clean = (node: string, steps: readonly JsonObject[]) =>
  rig.verb(node, 'clean', 'manageable', { clean_steps: [...steps], disable_ramdisk: true });
const biosOf = async (node: string, name: string) => {
  const shown = await rig.expect(200, 'GET', `/v1/nodes/${node}/bios/${name}`);
  return shown[name] as JsonObject;
};

test('a verified node shows its BIOS settings, firmware, boot mode and secure boot', async () => {
  const node = await redfishNode();
  const setting = await biosOf(node, 'BootRetryCount');
  assert.deepEqual(
    [setting['value'], setting['attribute_type'], setting['lower_bound'], setting['upper_bound'], setting['reset_required']],
    ['3', 'Integer', 0, 20, true],
  );
  assert.equal(((await rig.expect(200, 'GET', `/v1/nodes/${node}/bios`))['bios'] as unknown[]).length, 12);
  const { firmware } = await rig.expect(200, 'GET', `/v1/nodes/${node}/firmware`);
  assert.deepEqual(
    (firmware as JsonObject[]).map(({ component, current_version, initial_version }) => [component, current_version, initial_version]),
    [
      ['RAID.1', '7.2.0', '7.2.0'],
      ['bios', '1.0.0', '1.0.0'],
      ['bmc', '1.00', '1.00'],
      ['nic:NIC.1', '20.5.1', '20.5.1'],
    ],
  );
  const states = await rig.expect(200, 'GET', `/v1/nodes/${node}/states`);
  assert.deepEqual([states['boot_mode'], states['secure_boot']], ['bios', false]);
  const validate = await rig.expect(200, 'GET', `/v1/nodes/${node}/validate`);
  for (const kind of ['bios', 'raid', 'firmware', 'management', 'power']) assert.deepEqual(validate[kind], { result: true });
});

test('manual cleaning without a ramdisk: BIOS, RAID and firmware in one list, applied and verified', async () => {
  const node = await redfishNode();
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/states/raid`, {
    logical_disks: [{ raid_level: '1', size_gb: 'MAX', is_root_volume: true, volume_name: 'root' }],
  });
  const starts = bmc.machine.boots.length;
  await clean(node, [
    {
      interface: 'bios',
      step: 'apply_configuration',
      args: {
        settings: [
          { name: 'SysProfile', value: 'Custom' },
          { name: 'BootRetryCount', value: '7' },
        ],
      },
    },
    { interface: 'raid', step: 'create_configuration' },
    {
      interface: 'firmware',
      step: 'update',
      args: {
        settings: [
          { component: 'bmc', url: images.url('/bmc-1.10.bin') },
          { component: 'bios', url: images.url('/bios-2.4.0.bin') },
        ],
      },
    },
    { interface: 'management', step: 'reset_bmc' },
  ]);
  assert.deepEqual([(await biosOf(node, 'SysProfile'))['value'], (await biosOf(node, 'BootRetryCount'))['value']], ['Custom', '7']);
  const shown = await rig.expect(200, 'GET', `/v1/nodes/${node}`);
  assert.deepEqual((shown['raid_config'] as JsonObject)['logical_disks'], [
    { id: '1', name: 'root', controller: 'RAID.1', size_gb: 447, raid_level: '1' },
  ]);
  assert.deepEqual(shown['clean_step'], {});
  const { firmware } = await rig.expect(200, 'GET', `/v1/nodes/${node}/firmware`);
  const versions = Object.fromEntries(
    (firmware as JsonObject[]).map((each) => [
      String(each['component']),
      [each['initial_version'], each['current_version'], each['last_version_flashed']],
    ]),
  );
  assert.deepEqual(
    [versions['bmc'], versions['bios']],
    [
      ['1.00', '1.10', '1.10'],
      ['1.0.0', '2.4.0', '2.4.0'],
    ],
  );
  assert.equal(bmc.machine.boots.length - starts, 2, 'one start for the BIOS settings, one for the BIOS firmware');
  assert.equal(shown['power_state'], 'power off', 'a machine that was off is off again');
  await clean(node, [
    { interface: 'bios', step: 'factory_reset' },
    { interface: 'raid', step: 'delete_configuration' },
  ]);
  assert.equal((await biosOf(node, 'SysProfile'))['value'], 'PerfOptimized');
  assert.deepEqual((await rig.expect(200, 'GET', `/v1/nodes/${node}`))['raid_config'], {});
});

test('a controller that works only at a start gets one for each volume', async () => {
  const dell = await startBmc(['redfish'], { profile: findProfile('dell')! });
  try {
    const redfish_address = `https://127.0.0.1:${dell.bmc.redfishPort}`;
    const node = await redfishNode({ driver_info: { redfish_address, redfish_username: USERNAME, redfish_password: PASSWORD } });
    await rig.expect(204, 'PUT', `/v1/nodes/${node}/states/raid`, {
      logical_disks: [{ raid_level: '0', size_gb: 'MAX', number_of_physical_disks: 2 }],
    });
    const shown = await clean(node, [{ interface: 'raid', step: 'create_configuration' }]);
    assert.equal(((shown['raid_config'] as JsonObject)['logical_disks'] as JsonObject[])[0]?.['raid_level'], '0');
    assert.equal(dell.machine.boots.length, 1);
    assert.equal(shown['power_state'], 'power off');
    const deleted = await clean(node, [{ interface: 'raid', step: 'delete_configuration' }]);
    assert.deepEqual([deleted['raid_config'], dell.machine.boots.length], [{}, 2]);
  } finally {
    await dell.bmc.stop();
  }
});

const refusals: readonly [string, JsonObject, RegExp][] = [
  [
    'a setting that is not there',
    { interface: 'bios', step: 'apply_configuration', args: { settings: [{ name: 'Turbo', value: 'x' }] } },
    /no setting Turbo/,
  ],
  [
    'a value that is not allowed',
    { interface: 'bios', step: 'apply_configuration', args: { settings: [{ name: 'SysProfile', value: 'x' }] } },
    /one of PerfOptimized/,
  ],
  ['RAID without a target', { interface: 'raid', step: 'create_configuration' }, /no logical disk/],
  [
    'firmware for nothing',
    { interface: 'firmware', step: 'update', args: { settings: [{ component: 'gpu', url: 'http://127.0.0.1/x' }] } },
    /no firmware component "gpu"/,
  ],
  [
    'an image that is none',
    { interface: 'firmware', step: 'update', args: { settings: [{ component: 'bios', url: 'IMAGES/bad.bin' }] } },
    /The image is empty/,
  ],
  ['an unknown step', { interface: 'bios', step: 'polish' }, /no clean step bios\.polish/],
];
test('what cannot be done fails the cleaning in words', async () => {
  const node = await redfishNode();
  for (const [story, step, words] of refusals) {
    const asked = JSON.parse(JSON.stringify(step).replace('IMAGES', images.url(''))) as JsonObject;
    const failed = await rig.verb(node, 'clean', 'clean failed', { clean_steps: [asked], disable_ramdisk: true });
    assert.match(String(failed['last_error']), words, story);
    await rig.verb(node, 'manage', 'manageable');
  }
});

test('boot mode, then secure boot; a board in BIOS mode has none', async () => {
  const node = await redfishNode();
  await rig.expect(202, 'PUT', `/v1/nodes/${node}/states/boot_mode`, { target: 'bios' });
  await rig.until(node, (shown) => shown['reservation'] === null && shown['boot_mode'] === 'bios');
  await rig.expect(202, 'PUT', `/v1/nodes/${node}/states/boot_mode`, { target: 'uefi' });
  await rig.until(node, (shown) => shown['boot_mode'] === 'uefi');
  await rig.expect(202, 'PUT', `/v1/nodes/${node}/states/secure_boot`, { target: true });
  await rig.until(node, (shown) => shown['secure_boot'] === true);
  assert.equal(bmc.bmc.state.secureBoot.enabled, true);
  await clean(node, [{ interface: 'management', step: 'clear_secure_boot_keys' }]);
  assert.equal(bmc.bmc.state.secureBoot.hasPlatformKey(), false);
});

test('NMI, indicator, boot device', async () => {
  const node = await redfishNode();
  await rig.expect(202, 'PUT', `/v1/nodes/${node}/states/power`, { target: 'power on' });
  await rig.until(node, (shown) => shown['power_state'] === 'power on' && shown['reservation'] === null);
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/management/inject_nmi`, {});
  await bmc.bmc.state.settled();
  assert.equal(bmc.machine.nmis, 1);
  const { indicators } = await rig.expect(200, 'GET', `/v1/nodes/${node}/management/indicators`);
  assert.deepEqual(
    (indicators as JsonObject[]).map(({ name }) => name),
    ['led@system'],
  );
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/management/indicators/led@system`, { state: 'BLINKING' });
  assert.deepEqual(await rig.expect(200, 'GET', `/v1/nodes/${node}/management/indicators/led@system`), { state: 'BLINKING' });
  await rig.expect(400, 'PUT', `/v1/nodes/${node}/management/indicators/led@system`, { state: 'PINK' });
});

test('virtual media in and out', async () => {
  const node = await redfishNode();
  await rig.expect(204, 'POST', `/v1/nodes/${node}/vmedia`, { device_type: 'cdrom', image_url: images.url('/tool.iso') });
  const shown = (await rig.expect(200, 'GET', `/v1/nodes/${node}/vmedia`)) as unknown as JsonObject[];
  assert.deepEqual(shown[0], { media_types: ['CD', 'DVD'], inserted: true, image: images.url('/tool.iso') });
  await rig.expect(204, 'DELETE', `/v1/nodes/${node}/vmedia?device_types=cdrom`);
  assert.equal(bmc.machine.media.size, 0);
  await rig.expect(400, 'POST', `/v1/nodes/${node}/vmedia`, { device_type: 'cdrom', image_url: images.url('/missing') });
  await rig.expect(400, 'POST', `/v1/nodes/${node}/vmedia`, {
    device_type: 'cdrom',
    image_url: images.url('/tool.iso'),
    image_download_source: 'local',
  });
  await rig.expect(400, 'DELETE', `/v1/nodes/${node}/vmedia?device_types=tape`);
});

test('sensors and the hardware log, of ours', async () => {
  const node = await redfishNode();
  const { sensors, power } = await rig.expect(200, 'GET', `/v1/nodes/${node}/sensors`);
  assert.equal((sensors as JsonObject[]).find(({ name }) => name === 'CPU Temp')?.['unit'], 'Cel');
  assert.ok(Number((power as JsonObject)['watts']) > 0);
  const { entries } = await rig.expect(200, 'GET', `/v1/nodes/${node}/hardware_log`);
  assert.ok((entries as JsonObject[]).some(({ message }) => /NMI/.test(String(message))));
  await rig.expect(204, 'DELETE', `/v1/nodes/${node}/hardware_log`);
  assert.deepEqual((await rig.expect(200, 'GET', `/v1/nodes/${node}/hardware_log`))['entries'], []);
});

test('power limit and screen: set, told, and taken back; a watchdog is not in Redfish', async () => {
  const node = await redfishNode();
  const at = (noun: string) => `/v1/nodes/${node}/${noun}`;
  const limit = async () => ((await rig.expect(200, 'GET', at('sensors')))['power'] as JsonObject)['limit_watts'];
  assert.equal(await limit(), null);
  await rig.expect(204, 'PUT', at('power_limit'), { watts: 350 });
  assert.equal(await limit(), 350);
  await rig.expect(204, 'DELETE', at('power_limit'));
  assert.equal(await limit(), null);
  await rig.expect(400, 'PUT', at('power_limit'), { watts: 0 });
  await rig.expect(400, 'PUT', at('watchdog'), { seconds: 120 });
  const screen = await rig.expect(200, 'GET', at('graphical_console'));
  assert.match(String(screen['page']), /^https?:/);
});

test('secure boot keys one by one: a certificate and a hash come and go, and what is none is refused', async () => {
  const node = await redfishNode();
  const path = `/v1/nodes/${node}/secure_boot_keys`;
  const names = async () => ((await rig.expect(200, 'GET', path))['secure_boot_keys'] as JsonObject[]).map(({ name }) => name);
  bmc.bmc.state.secureBoot.resetKeys('ResetAllKeysToDefault');
  await rig.expect(204, 'POST', path, { database: 'dbx', sha256: 'a'.repeat(64) });
  const certificate = bmc.bmc.state.secureBoot.keys.get('PK')![0]!.text;
  const owner = '77fa9abd-0359-4d32-bd60-28f4e78f784b';
  await rig.expect(204, 'POST', path, { database: 'db', certificate, owner });
  const keys = (await rig.expect(200, 'GET', path))['secure_boot_keys'] as JsonObject[];
  const made = keys.find(({ database }) => database === 'db')!;
  assert.deepEqual([made['kind'], made['subject'], made['owner']], ['certificate', 'CN=Emulated platform key', owner]);
  assert.equal(keys.find(({ database }) => database === 'dbx')!['sha256'], 'a'.repeat(64));
  await rig.expect(204, 'DELETE', `${path}/${String(made['name'])}`);
  assert.ok(!(await names()).includes(made['name']));
  await rig.expect(404, 'DELETE', `${path}/${String(made['name'])}`);
  await rig.expect(404, 'DELETE', `${path}/db/nonsense`);
  await rig.expect(400, 'POST', path, { database: 'db', certificate: 'no certificate' });
  await rig.expect(400, 'POST', path, { database: 'MOK', sha256: 'a'.repeat(64) });
});

test('a node with IPMI alone has what IPMI has', async () => {
  const { uuid } = await rig.expect(201, 'POST', '/v1/nodes', {
    driver: 'ipmi',
    driver_info: { ipmi_address: '127.0.0.1', ipmi_port: bmc.bmc.ipmiPort!, ipmi_username: USERNAME, ipmi_password: PASSWORD },
  });
  const node = String(uuid);
  await rig.verb(node, 'manage', 'manageable');
  const before = bmc.machine.nmis;
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/management/inject_nmi`, {});
  await bmc.bmc.state.settled();
  assert.equal(bmc.machine.nmis, before + 1);
  assert.equal(((await rig.expect(200, 'GET', `/v1/nodes/${node}/sensors`))['sensors'] as unknown[]).length, 7);
  const at = (noun: string) => `/v1/nodes/${node}/${noun}`;
  const parts = (await rig.expect(200, 'GET', at('parts')))['parts'] as JsonObject[];
  assert.deepEqual(
    parts.find(({ kind }) => kind === 'device'),
    { kind: 'device', name: 'DIMM SPD', entity: 'memory module 1', detail: 'type 0x08 at 0xa0', contains: [] },
  );
  const cpu = { sensor: 'CPU Temp', upper_caution: 80, upper_critical: 90 };
  const set = await rig.expect(200, 'PUT', at('sensor_thresholds'), cpu);
  assert.deepEqual([(set['thresholds'] as JsonObject)['upper_caution'], (set['thresholds'] as JsonObject)['upper_critical']], [80, 90]);
  await rig.expect(400, 'PUT', at('sensor_thresholds'), { ...cpu, upper_critical: 70 });
  await rig.expect(400, 'PUT', at('sensor_thresholds'), { sensor: '12V', upper_critical: 14 });
  await rig.expect(400, 'PUT', at('sensor_thresholds'), { sensor: 'CPU Temp' });
  await rig.expect(204, 'PUT', at('watchdog'), { seconds: 120, action: 'power_cycle' });
  const told = await rig.expect(200, 'GET', at('watchdog'));
  assert.deepEqual([told['running'], told['action'], told['use']], [true, 'power_cycle', 'SMS/OS']);
  await rig.expect(204, 'DELETE', at('watchdog'));
  assert.equal((await rig.expect(200, 'GET', at('watchdog')))['running'], false);
  await rig.expect(400, 'PUT', at('watchdog'), { seconds: 7000 });
  const login = await rig.expect(200, 'GET', at('management/bmc_login'));
  assert.deepEqual(login['cipher_suites'], [
    { suite: 0, privilege: 'none', weak: true },
    { suite: 3, privilege: 'administrator', weak: false },
    { suite: 17, privilege: 'administrator', weak: false },
  ]);
  await rig.expect(204, 'PUT', at('management/bmc_login'), { close_weak_cipher_suites: true });
  await rig.expect(400, 'PUT', at('management/bmc_login'), { privilege_limit: 'operator' });
  await rig.expect(400, 'POST', `/v1/nodes/${node}/vmedia`, { device_type: 'cdrom', image_url: images.url('/tool.iso') });
  await rig.expect(400, 'PUT', `/v1/nodes/${node}/states/secure_boot`, { target: true });
  await rig.expect(404, 'PUT', `/v1/nodes/${node}/states/raid`, { logical_disks: [{ raid_level: '1', size_gb: 1 }] });
  const failed = await rig.verb(node, 'clean', 'clean failed', {
    clean_steps: [{ interface: 'bios', step: 'factory_reset' }],
    disable_ramdisk: true,
  });
  assert.match(String(failed['last_error']), /no clean step bios\.factory_reset/);
});
