import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { decodePlatformTrap } from '../../bmc/platform-trap-codec.ts';
import type { PlatformTrap } from '../../bmc/platform-trap.ts';
import { BmcError, type BmcConnection } from '../../bmc/capability.ts';
import { decodeSnmpTrap } from '../../bmc/ipmi/snmp-trap-codec.ts';
import { Secret } from '../../core/base/secret.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { findProfile } from '../../lab/bmc/vendor-profile.ts';
import { ipmiAddress, PASSWORD, run, soon, startConnector, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Event filtering and traps: our client, the emulated BMC, and freeipmi, ipmitool, ipmiutil and Net-SNMP in either's place. */
const ADDRESS = `127.49.${process.pid % 250}.1`;
const RECEIVER = '127.0.0.1';
const RACKS = new Secret('racks');
let rig: Rig;
let socket: Socket;
let connector: ReturnType<typeof startConnector>['connector'];
let bmc: BmcConnection;
const packets: Buffer[] = [];
let arrived = () => {};
const cache = mkdtempSync(join(tmpdir(), 'rackwright-pet-'));

before(async () => {
  socket = createSocket('udp4');
  socket.on('message', (bytes) => {
    packets.push(bytes);
    arrived();
  });
  await new Promise<void>((resolve) => socket.bind(0, RECEIVER, resolve));
  rig = await startRig(['ipmi'], { address: ADDRESS, ipmiPort: 623, trapPort: socket.address().port });
  ({ connector } = startConnector());
  bmc = connector.connect([ipmiAddress(623, { host: ADDRESS })]);
});
beforeEach(() => void packets.splice(0));
after(async () => {
  await connector.close();
  await rig.bmc.stop();
  socket.close();
  rmSync(cache, { recursive: true });
});

async function nextPacket(): Promise<Buffer> {
  while (packets.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
  return packets.shift()!;
}
async function nextTrap(): Promise<PlatformTrap> {
  const trap = decodePlatformTrap(await nextPacket());
  assert.ok(!isMalformed(trap), JSON.stringify(trap));
  return trap;
}
const TARGET = ['-D', 'LAN_2_0', '-I', '17', '-h', ADDRESS, '-u', USERNAME, '-p', PASSWORD, '-l', 'admin'];
const freeipmi = (program: string, ...args: string[]) => run(`/usr/sbin/${program}`, [...TARGET, ...args]);
const ipmitool = (command: string) =>
  run('ipmitool', ['-I', 'lanplus', '-C', '17', '-H', ADDRESS, '-U', USERNAME, '-P', PASSWORD, ...command.split(' ')]);
const ipmiutil = (command: string, ...args: string[]) =>
  run('ipmiutil', [command, '-N', ADDRESS, '-U', USERNAME, '-P', PASSWORD, '-J', '3', ...args]);

test('a BMC is enrolled once, as freeipmi, ipmitool and ipmiutil see it too', async () => {
  assert.deepEqual(await bmc.eventFiltering(soon()), { isEnabled: false, alertingFilters: 0, receivers: [] });
  assert.equal(await bmc.enrollTraps({ address: RECEIVER, community: RACKS }, soon()), true);
  assert.equal(await bmc.enrollTraps({ address: RECEIVER, community: RACKS }, soon()), false, 'nothing is left to do');
  assert.deepEqual(await bmc.eventFiltering(soon()), {
    isEnabled: true,
    alertingFilters: 1,
    receivers: [{ address: RECEIVER, isAcknowledged: true }],
  });
  const config = await freeipmi('ipmi-pef-config', '--checkout');
  for (const line of [
    /Enable_PEF +Yes/,
    /Enable_Alert_Action +Yes/,
    /Community_String +racks/,
    /Alert_Acknowledge +Yes\n[\s\S]*?Alert_Acknowledge_Timeout +3\n[\s\S]*?Alert_Retries +3\n[\s\S]*?Alert_IP_Address +127\.0\.0\.1/,
    /Policy_Enabled +Yes\n[\s\S]*?Policy_Number +15\n[\s\S]*?Destination_Selector +1\n[\s\S]*?Channel_Number +1/,
  ])
    assert.match(config, line);
  assert.match(await ipmitool('pef filter list'), /1 \| enabled, configurable/);
  assert.match(await ipmitool('pef policy list'), /1 \| 15 \| enabled \| Match-always[^]*127\.0\.0\.1/);
  assert.match(await ipmitool('pef info'), /8d7f3c1e|1e3c7f8d/);
  assert.match(await ipmiutil('lan'), /PEF Control[\s\S]*Dest address: 01 00 00 \[127\.0\.0\.1\]/);
});

test('power, a threshold and an event from outside each become a trap, which freeipmi reads as we do; the end of it too', async () => {
  rig.bmc.state.control('on');
  await rig.bmc.state.settled();
  const on = await nextTrap();
  assert.equal(on.message, 'Power Unit: power off/down is over');
  assert.deepEqual([on.community, on.guid, on.isOver, on.severity], ['racks', '8d7f3c1e-5a42-4b6e-9c11-0a1b2c3d4e5f', true, 'ok']);
  assert.ok(Math.abs(on.atMs! - Date.now()) < 60_000);
  await bmc.acknowledgeTrap(on, soon());

  rig.bmc.state.putReading('CPU Temp', 97);
  const warm = await nextTrap();
  assert.deepEqual([warm.message, warm.severity], ['Temperature: upper non-critical going high', 'warning']);
  await bmc.acknowledgeTrap(warm, soon());
  const packet = await nextPacket();
  const hot = decodePlatformTrap(packet);
  assert.ok(!isMalformed(hot));
  assert.deepEqual([hot.message, hot.severity, hot.sensorNumber, hot.entity], ['Temperature: upper critical going high', 'critical', 2, 3]);
  await bmc.acknowledgeTrap(hot, soon());
  const snmp = decodeSnmpTrap(packet);
  assert.ok(!isMalformed(snmp));
  const bytes = [...snmp.variable.octets].map((byte) => `0x${byte.toString(16)}`);
  const told = await freeipmi(
    'ipmi-pet',
    `--sdr-cache-directory=${cache}`,
    '--quiet-cache',
    '-v',
    '-v',
    '--output-event-state',
    String(snmp.specific),
    ...bytes,
  );
  assert.match(told, /CPU Temp[^\n]*Temperature[^\n]*Upper Critical - going high[^\n]*97\.00 C/i);

  await ipmitool('event 1');
  const sample = await nextTrap();
  assert.deepEqual([sample.sensorType, sample.sensorNumber, sample.offset], [1, 0x30, 9]);
  await bmc.acknowledgeTrap(sample, soon());
});

test('what nobody acknowledges comes again, the same, and then no more; freeipmi acknowledges too', async () => {
  await bmc.enrollTraps({ address: RECEIVER, community: RACKS }, soon());
  const destination = Buffer.from([1, 0x80, 1, 3]);
  rig.bmc.state.parameters.set('lan 18 1', destination);
  rig.bmc.state.putReading('CPU Temp', 90);
  const first = await nextTrap();
  const again = await nextPacket();
  const second = decodePlatformTrap(again);
  assert.ok(!isMalformed(second));
  assert.deepEqual([second.sequence, second.acknowledgement], [first.sequence, first.acknowledgement]);
  const snmp = decodeSnmpTrap(again);
  assert.ok(!isMalformed(snmp));
  const bytes = [...snmp.variable.octets].map((byte) => `0x${byte.toString(16)}`);
  await run('/usr/sbin/ipmi-pet', ['-h', ADDRESS, '--pet-acknowledge', String(snmp.specific), ...bytes]);
  packets.splice(0);

  const tries = bmc.tryTraps(RECEIVER, soon());
  const test = await nextTrap();
  assert.match(test.message, /to try the way/);
  await bmc.acknowledgeTrap(test, soon());
  assert.equal(await tries, 'reached', 'nothing stood in its way');
  assert.equal(await bmc.tryTraps(RECEIVER, soon()), 'unanswered');
  assert.equal(new Set(packets.map((packet) => packet.toString('hex'))).size, 1);
  assert.equal(packets.length, 4, 'once, and three times more');
});

test('an event with a filter of its own still happens, and its own receiver is told beside us', async () => {
  await freeipmi(
    'ipmi-pef-config',
    '--commit',
    '-e',
    'Lan_Alert_Destination_2:Alert_IP_Address=127.0.0.1',
    '-e',
    'PEF_Conf:Enable_Power_Down_Action=Yes',
  );
  // Filter 2: sensor 2 above its critical threshold cuts the power, and tells by policy 3.
  await ipmitool(
    'raw 0x04 0x12 0x06 0x02 0x80 0x03 0x03 0x10 0xff 0xff 0x01 0x02 0x01 0x00 0x02 0x00 0xff 0x00 0x00 0xff 0x00 0x00 0xff 0x00',
  );
  await ipmitool('raw 0x04 0x12 0x09 0x02 0x38 0x12 0x00');
  assert.equal(
    await bmc.enrollTraps({ address: RECEIVER, community: RACKS }, soon()),
    true,
    'the policy of that filter has to tell us as well',
  );
  rig.bmc.state.putReading('CPU Temp', 97);
  await rig.bmc.state.settled();
  assert.equal(rig.machine.powerState(), 'off');
  const seen: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    const trap = await nextTrap();
    seen.push(`${trap.message}, ${trap.severity}`);
    await bmc.acknowledgeTrap(trap, soon());
  }
  assert.deepEqual(
    seen,
    [
      'Temperature: upper critical going high, critical',
      'Temperature: upper critical going high, critical',
      'Power Unit: power off/down, ok',
    ],
    'to both destinations of policy 3, then to that of everything',
  );
});

test('tables without room are said to be so, and what is withdrawn is told no more', async () => {
  for (const at of [1, 2, 3, 4]) rig.bmc.state.parameters.set(`lan 19 ${at}`, Buffer.from([at, 0, 0, 192, 0, 2, at, 0, 0, 0, 0, 0, 0]));
  await assert.rejects(
    bmc.enrollTraps({ address: RECEIVER, community: RACKS }, soon()),
    (error) => error instanceof BmcError && error.code === 'busy' && /destinations/.test(error.message),
  );
  await bmc.withdrawTraps('192.0.2.1', soon());
  assert.deepEqual(
    (await bmc.eventFiltering(soon())).receivers.map(({ address }) => address),
    ['192.0.2.2', '192.0.2.3', '192.0.2.4'],
  );
  await assert.rejects(bmc.tryTraps('192.0.2.1', soon()), /gets no traps/);
});

test("Net-SNMP's daemon reads the BMC's trap, and we read what Net-SNMP sends", async () => {
  const config = join(cache, 'snmptrapd.conf');
  writeFileSync(config, 'disableAuthorization yes\n');
  const port = 20_000 + (process.pid % 10_000);
  const daemon = spawn('/usr/sbin/snmptrapd', ['-f', '-Lo', '-n', '-On', '-C', '-c', config, `udp:127.0.0.1:${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const saw = (words: RegExp) =>
    new Promise<void>((resolve) => {
      const look = () => words.test(said) && resolve();
      daemon.stdout.on('data', (piece: Buffer) => ((said += piece.toString()), look()));
      look();
    });
  const other = await startRig(['ipmi'], { trapPort: port });
  try {
    await saw(/NET-SNMP version/);
    const address = ipmiAddress(other.bmc.ipmiPort!);
    const teller = connector.connect([address]);
    await teller.enrollTraps({ address: RECEIVER, community: RACKS }, soon());
    const heard = saw(
      /\.1\.3\.6\.1\.4\.1\.3183\.1\.1 Enterprise Specific Trap \(618368\)[\s\S]*\.1\.3\.6\.1\.4\.1\.3183\.1\.1\.1 = Hex-STRING: 1E 3C 7F 8D/,
    );
    other.bmc.state.control('on');
    await heard;
  } finally {
    daemon.kill();
    await other.bmc.stop();
  }
  const dell = '44454c4c500010598043b2c04f333358000219e87e26ffff20200420731800800 1ff0000000000190000 02a20100c1'.replaceAll(' ', '');
  const target = `127.0.0.1:${socket.address().port}`;
  await run('snmptrap', [
    '-v',
    '1',
    '-c',
    'public',
    target,
    '1.3.6.1.4.1.3183.1.1',
    '10.1.2.3',
    '6',
    '356224',
    '4711',
    '1.3.6.1.4.1.3183.1.1.1',
    'x',
    dell,
  ]);
  const trap = await nextTrap();
  assert.equal(trap.message, 'Physical Security: general chassis intrusion is over');
  assert.deepEqual(
    [trap.sensorNumber, trap.sequence, trap.manufacturerId, trap.systemId, trap.community],
    [0x73, 2, 0x2a2, 0x100, 'public'],
  );
  assert.equal(new Date(trap.atMs!).toISOString().slice(0, 4), '2011');
});

test('over IPv6: a receiver is set, told, and taken back; a BMC that has no room for one says so', async () => {
  const socket6 = createSocket('udp6');
  const first = new Promise<Buffer>((resolve) => socket6.once('message', resolve));
  await new Promise<void>((resolve) => socket6.bind(0, '::1', resolve));
  const rig6 = await startRig(['ipmi'], { address: '::1', trapPort: socket6.address().port });
  const profile = { ...findProfile('basic')!, ipmi: { ipv4TrapsAlone: true } as const };
  const older = await startRig(['ipmi'], { address: '::1', profile });
  try {
    const bmc6 = connector.connect([ipmiAddress(rig6.bmc.ipmiPort!, { host: '::1' })]);
    const receiver = { address: '::1', community: new Secret('racks') };
    assert.equal(await bmc6.enrollTraps(receiver, soon()), true);
    assert.equal(await bmc6.enrollTraps(receiver, soon()), false);
    assert.deepEqual((await bmc6.eventFiltering(soon())).receivers, [{ address: '::1', isAcknowledged: true }]);
    rig6.bmc.state.putReading('Fan 1', 201);
    const trap = decodePlatformTrap(await first);
    assert.ok(!isMalformed(trap));
    assert.equal(trap.community, 'racks');
    await bmc6.acknowledgeTrap(trap, soon());
    await bmc6.withdrawTraps('::1', soon());
    assert.deepEqual((await bmc6.eventFiltering(soon())).receivers, []);
    const refuses = connector.connect([ipmiAddress(older.bmc.ipmiPort!, { host: '::1' })]);
    await assert.rejects(refuses.enrollTraps(receiver, soon()), /no destinations over IPv6/);
  } finally {
    await rig6.bmc.stop();
    await older.bmc.stop();
    socket6.close();
  }
});
