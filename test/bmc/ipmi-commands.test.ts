import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type BmcConnection, BmcError } from '../../bmc/capability.ts';
import { ipmiAddress, PASSWORD, redfishAddress, run, soon, startConnector, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Power limits, the firmware firewall, the event receiver, ACPI states and names: by our client where it has them, and by foreign ones. */
const ADDRESS = `127.50.${process.pid % 250}.1`;
let rig: Rig;
before(async () => void (rig = await startRig(['ipmi', 'redfish'], { address: ADDRESS, ipmiPort: 623 })));
after(() => rig.bmc.stop());

const ipmitool = (...args: string[]) =>
  run('ipmitool', ['-I', 'lanplus', '-C', '17', '-H', ADDRESS, '-U', USERNAME, '-P', PASSWORD, ...args]);
const ipmiutil = (command: string, ...args: string[]) =>
  run('ipmiutil', [command, '-N', ADDRESS, '-U', USERNAME, '-P', PASSWORD, '-J', '3', ...args]);

test('a power limit over IPMI is the one over Redfish, and ipmitool and ipmiutil see and set it', async () => {
  rig.bmc.state.control('on');
  await rig.bmc.state.settled();
  const { connector } = startConnector();
  try {
    const ipmi = connector.connect([ipmiAddress(623, { host: ADDRESS })]);
    const redfish = connector.connect([redfishAddress(rig.bmc.redfishPort!, { host: ADDRESS })]);
    assert.deepEqual([await ipmi.powerLimit(soon()), await redfish.powerLimit(soon())], [undefined, undefined]);
    await ipmi.setPowerLimit(120, soon());
    assert.deepEqual([await ipmi.powerLimit(soon()), await redfish.powerLimit(soon())], [120, 120]);
    assert.equal((await ipmi.powerReading(soon())).watts, 120);
    assert.match(await ipmitool('dcmi', 'power', 'get_limit'), /Power Limit Active[\s\S]*Power Limit: +120 Watts/);
    await redfish.setPowerLimit(undefined, soon());
    assert.equal(await ipmi.powerLimit(soon()), undefined);
    assert.equal((await redfish.powerReading(soon())).watts, 142);
    await ipmitool('dcmi', 'power', 'set_limit', 'limit', '130');
    await ipmitool('dcmi', 'power', 'activate');
    assert.equal(await redfish.powerLimit(soon()), 130);
    await redfish.setPowerLimit(125, soon());
    assert.match(await ipmiutil('dcmi', 'power', 'get_limit').catch((error: { stdout: string }) => error.stdout), /125/);
    await ipmi.setPowerLimit(undefined, soon());
    await assert.rejects(ipmi.setPowerLimit(0, soon()), /no limit in watts/);
    await ipmitool('dcmi', 'set_asset_tag', 'RACK1-U07');
    assert.match(await ipmitool('dcmi', 'asset_tag'), /RACK1-U07/);
    assert.match(await ipmitool('dcmi', 'discover'), /Power management[\s\S]*available/i);
  } finally {
    await connector.close();
  }
});

test('who gets in by which cipher suite is told; the one without a password is closed; nobody locks himself out', async () => {
  const { connector } = startConnector();
  try {
    const [ipmi, redfish] = [ipmiAddress(623, { host: ADDRESS }), redfishAddress(rig.bmc.redfishPort!, { host: ADDRESS })].map((one) =>
      connector.connect([one]),
    ) as [BmcConnection, BmcConnection];
    await ipmitool('lan', 'set', '1', 'cipher_privs', 'aaaXXXXXXXXXXXX');
    const open = { access: 'always', privilegeLimit: 'administrator' };
    const strong = [3, 17].map((suite) => ({ suite, privilege: 'administrator', isWeak: false }));
    assert.deepEqual(await ipmi.networkLogin(soon()), {
      ...open,
      cipherSuites: [{ suite: 0, privilege: 'administrator', isWeak: true }, ...strong],
    });
    await ipmi.setNetworkLogin({ access: 'always', privilegeLimit: 'administrator', closesWeakSuites: true }, soon());
    assert.match(await ipmitool('lan', 'print', '1'), /Cipher Suite Priv Max +: Xaa/);
    assert.deepEqual((await ipmi.networkLogin(soon())).cipherSuites, [{ suite: 0, privilege: 'none', isWeak: true }, ...strong]);
    assert.match(await ipmitool('channel', 'info', '1'), /Access Mode +: always available/);
    await assert.rejects(ipmi.setNetworkLogin({ privilegeLimit: 'operator' }, soon()), /is locked out/);
    await ipmitool('lan', 'set', '1', 'cipher_privs', 'aXXXXXXXXXXXXXX');
    await assert.rejects(ipmi.setNetworkLogin({ closesWeakSuites: true }, soon()), /the weak ones are all there is/);
    await ipmitool('lan', 'set', '1', 'cipher_privs', 'XaaXXXXXXXXXXXX');
    await assert.rejects(redfish.networkLogin(soon()), /channels and cipher suites/);
  } finally {
    await connector.close();
  }
});

test('a command that the firewall has switched off is told by name, and comes back', async () => {
  const { connector } = startConnector();
  try {
    const bmc = connector.connect([ipmiAddress(623, { host: ADDRESS })]);
    assert.match(await ipmitool('channel', 'getciphers', 'ipmi', '1'), /17/);
    assert.match(await ipmitool('firewall', 'info', 'channel', '1', 'lun', '0', 'netfn', '0'), /support: +d7830000[^]*enabled: +d7830000/);
    // All of the chassis' commands but 04h, identify.
    await ipmitool('raw', '0x06', '0x60', '0x01', '0x00', '0x00', '0xef', ...Array.from({ length: 15 }, () => '0xff'));
    await assert.rejects(
      bmc.setIndicator('blinking', soon()),
      (error) => error instanceof BmcError && error.code === 'unsupported' && /command is disabled/.test(error.message),
    );
    assert.equal(await bmc.powerState(soon()), 'on');
    await ipmitool('raw', '0x06', '0x60', '0x01', '0x00', '0x00', ...Array.from({ length: 16 }, () => '0xff'));
    await bmc.setIndicator('blinking', soon());
  } finally {
    await connector.close();
  }
});

test('event receiver, ACPI state and the system’s names', async () => {
  assert.equal((await ipmitool('raw', '0x04', '0x01')).trim(), '20 00');
  await ipmitool('raw', '0x04', '0x00', '0x81', '0x01');
  assert.equal((await ipmitool('raw', '0x04', '0x01')).trim(), '81 01');
  assert.equal((await ipmitool('raw', '0x06', '0x07')).trim(), '00 00');
  assert.match(await ipmiutil('health'), /Power State += 00\s+\(S0: working\)/);
  await ipmitool('mc', 'setsysinfo', 'system_name', 'machine-1');
  assert.match(await ipmitool('mc', 'getsysinfo', 'system_name'), /machine-1/);
  rig.bmc.state.control('off');
  await rig.bmc.state.settled();
  assert.equal((await ipmitool('raw', '0x06', '0x07')).trim(), '05 03');
});
