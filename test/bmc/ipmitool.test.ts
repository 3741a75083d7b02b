import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { PASSWORD, run, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Debian's ipmitool drives the emulated BMC. */
let rig: Rig;
before(async () => void (rig = await startRig(['ipmi'])));
after(() => rig.bmc.stop());

const tool = (suite: 3 | 17, command: string, login = { user: USERNAME, password: PASSWORD }) =>
  run('ipmitool', [
    '-I',
    'lanplus',
    '-C',
    String(suite),
    '-H',
    '127.0.0.1',
    '-p',
    String(rig.bmc.ipmiPort),
    '-U',
    login.user,
    '-P',
    login.password,
    ...command.split(' '),
  ]);

for (const suite of [3, 17] as const) {
  describe(`cipher suite ${suite}`, () => {
    test('power and boot device, once and persistent', async () => {
      await tool(suite, 'chassis power off');
      assert.match(await tool(suite, 'mc info'), /IPMI Version +: 2\.0/);
      await tool(suite, 'chassis bootdev pxe options=efiboot');
      assert.match(await tool(suite, 'chassis bootparam get 5'), /only next boot[^]*EFI[^]*Force PXE/);
      await tool(suite, 'chassis power on');
      assert.match(await tool(suite, 'chassis power status'), /is on/);
      assert.deepEqual(rig.machine.boots.at(-1), { device: 'network', persistent: false, firmwareMode: 'uefi' });
      await tool(suite, 'chassis power reset');
      await rig.bmc.state.settled();
      assert.deepEqual(rig.machine.boots.at(-1), { device: 'none', persistent: false }, 'the override was for one boot');
      await tool(suite, 'chassis bootdev disk options=persistent');
      await tool(suite, 'chassis power reset');
      await rig.bmc.state.settled();
      assert.deepEqual(rig.machine.boots.at(-1), { device: 'disk', persistent: true, firmwareMode: 'bios' });
      await tool(suite, 'chassis bootdev none');
      await tool(suite, 'chassis power soft');
      assert.match(await tool(suite, 'chassis status'), /System Power +: off/);
      await assert.rejects(tool(suite, 'chassis power cycle'), /not supported in present state/);
    });

    test('console', async () => {
      await tool(suite, 'chassis power on');
      const args = [
        '-I',
        'lanplus',
        '-C',
        String(suite),
        '-H',
        '127.0.0.1',
        '-p',
        String(rig.bmc.ipmiPort),
        '-U',
        USERNAME,
        '-P',
        PASSWORD,
        'sol',
        'activate',
      ];
      // ipmitool wants a terminal: `script` gives it one.
      const child = spawn('script', ['-qfc', `ipmitool ${args.map((arg) => `'${arg}'`).join(' ')}`, '/dev/null'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let seen = '';
      const until = (pattern: RegExp) =>
        new Promise<void>((resolve) => {
          const look = () => {
            if (!pattern.test(seen)) return;
            child.stdout.off('data', look);
            resolve();
          };
          child.stdout.on('data', look);
          look();
        });
      child.stdout.on('data', (piece: Buffer) => (seen += piece.toString()));
      const exited = new Promise((resolve) => child.on('exit', resolve));
      await until(/operational/);
      child.stdin.write('ping through the line');
      await until(/ping through the line/);
      rig.machine.console.write(Buffer.from('[from the machine]'));
      await until(/\[from the machine\]/);
      child.stdin.write('\r~.');
      await exited;
      assert.match(seen, /terminated ipmitool/);
    });
  });
}

test('FRU, LAN, sensors, event log, GUID', async () => {
  const fru = await tool(17, 'fru print');
  for (const text of ['LabServer', 'SN-42', 'BSN-42', 'RACK1-U07']) assert.match(fru, new RegExp(text));
  assert.doesNotMatch(fru, /Extra/);
  assert.match(
    await tool(17, 'lan print 1'),
    /IP Address +: 127\.0\.0\.1[^]*RMCP\+ Cipher Suites +: 0,3,17[^]*Cipher Suite Priv Max +: Xaa/,
  );
  assert.match(await tool(17, 'sdr'), /Inlet Temp +\| \d+ degrees C +\| ok/);
  assert.match(await tool(17, 'sel list'), /Power Unit/);
  assert.match(await tool(17, 'mc guid'), /8d7f3c1e-5a42-4b6e-9c11-0a1b2c3d4e5f/);
  assert.match(await tool(17, 'mc selftest'), /passed/);
});

test('sensors and records of every kind, thresholds, log, power, NMI, watchdog', async () => {
  await tool(17, 'chassis power on');
  const list = await tool(17, 'sdr elist all');
  for (const line of [
    /Inlet Temp +\| 01h \| ok +\| 55\.1 \| 24 degrees C/,
    /12V +\| 05h \| ok +\| 20\.1 \| 12 Volts/,
    /Fan 1 .*6200 RPM/,
    /Builtin FRU/,
    /BMC .*Dynamic MC/,
    /OS Boot +\| 60h \| ns +\| 34\.1 \| Event-Only/,
    /DIMM SPD +\| 00h \| ns +\| +8\.1 \| Generic Device/,
  ])
    assert.match(list, line);
  assert.match(await tool(17, 'sensor'), /CPU Temp +\| 48\.000 +\| degrees C +\| ok .*\| 85\.000 +\| 95\.000/);
  assert.match(await tool(17, 'dcmi power reading'), /Instantaneous power reading: +142 Watts/);
  await tool(17, 'chassis power diag');
  await rig.bmc.state.settled();
  assert.equal(rig.machine.nmis, 1);
  assert.match(await tool(17, 'sel list'), /Critical Interrupt #0x11 \| NMI\/Diag Interrupt \| Asserted/);
  await tool(17, 'sel clear');
  assert.match(await tool(17, 'sel info'), /Entries +: 0/);
  assert.match(await tool(17, 'mc watchdog get'), /Watchdog Timer Is: +Stopped/);
  await tool(17, 'raw 0x06 0x24 0x04 0x01 0x00 0x00 0x10 0x27');
  await tool(17, 'mc watchdog reset');
  assert.match(await tool(17, 'mc watchdog get'), /Started\/Running[^]*Hard Reset[^]*Present Countdown: +\d+/);
  await tool(17, 'mc watchdog off');
  await tool(17, 'chassis identify 5');
  assert.match(await tool(17, 'chassis status'), /System Power +: on/);
});

test('thresholds', async () => {
  assert.match(
    await run('ipmitool', [
      ...['-I', 'lanplus', '-C', '17', '-H', '127.0.0.1', '-p', String(rig.bmc.ipmiPort), '-U', USERNAME, '-P', PASSWORD],
      ...['sensor', 'thresh', 'CPU Temp', 'ucr', '90'],
    ]),
    /Setting sensor "CPU Temp" Upper Critical threshold to 90\.000/,
  );
  assert.match(await tool(17, 'sensor'), /CPU Temp .*\| 85\.000 +\| 90\.000/);
});

test('users: a name, a 20-byte password, rights, and a login with them', async () => {
  const login = { user: 'rack', password: 'twenty-bytes-passwd!' };
  await tool(17, 'user set name 3 rack');
  await tool(17, `user set password 3 ${login.password} 20`);
  await tool(17, 'channel setaccess 1 3 link=on ipmi=on callin=on privilege=4');
  await tool(17, 'user enable 3');
  assert.match(await tool(17, 'user list 1'), /3 +rack +(true|false) +true +true +ADMINISTRATOR/);
  assert.match(await tool(3, 'chassis power status', login), /Power is/);
  await tool(17, 'channel setaccess 1 3 privilege=2');
  await assert.rejects(tool(3, 'chassis power on', login), 'a user-level account may not ask for administrator rights');
  await assert.rejects(tool(17, 'mc info', { ...login, password: 'wrong' }), /session/);
});
