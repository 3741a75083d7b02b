import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import { decodeDhcpMessage, encodeDhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/**
 * ProxyDHCP beside a foreign server, with real firmware: dnsmasq gives addresses and no boot file, we give the boot file and no
 * address. One bridge joins the boot plane's eth0, dnsmasq's foreign0 and the machine's tap0.
 */
const run = promisify(execFile);
const foreignSpace = `rwpxe-f-${process.pid}`;
const MAC = '52:54:00:77:00:21';
let wire: BootWire;
const running: ReturnType<typeof spawn>[] = [];

const runIn = (space: string, command: string, ...args: string[]) => {
  const log = openSync(join(wire.directory, `${command}.log`), 'a');
  const child = spawn('ip', ['netns', 'exec', space, command, ...args], { stdio: ['ignore', log, log] });
  running.push(child);
  return child;
};

before(async () => {
  wire = await makeBootWire({
    subnet: { proxy: 'known', pools: [], discoveryPool: undefined as never },
    model: {
      hosts: [{ nodeId: 'n1', name: 'm1', macs: [MAC], reservations: {}, boot: { kind: 'hold', reason: 'waits for its test' } }],
    },
  });
  await run('ip', ['netns', 'add', foreignSpace]);
  await wire.client('ip', 'link', 'add', 'br0', 'type', 'bridge');
  await wire.client('ip', 'link', 'add', 'foreign0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', foreignSpace);
  await wire.client('ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap');
  for (const port of ['eth0', 'foreign0', 'tap0']) {
    await wire.client('ip', 'link', 'set', port, 'master', 'br0');
    await wire.client('ip', 'link', 'set', port, 'up');
  }
  await wire.client('ip', 'link', 'set', 'br0', 'up');
  await run('ip', ['-n', foreignSpace, 'addr', 'add', '10.77.0.9/24', 'dev', 'eth0']);
  await run('ip', ['-n', foreignSpace, 'link', 'set', 'eth0', 'up']);
  const files = [`--dhcp-leasefile=${join(wire.directory, 'foreign.leases')}`, `--pid-file=${join(wire.directory, 'dnsmasq.pid')}`];
  const options = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--interface=eth0', '--bind-interfaces'];
  runIn(foreignSpace, 'dnsmasq', ...options, '--no-ping', '--dhcp-range=10.77.0.200,10.77.0.220,10m', ...files);
  await wire.start();
});
after(async () => {
  for (const child of running) child.kill('SIGTERM');
  await run('ip', ['netns', 'pids', foreignSpace]).then(
    ({ stdout }) =>
      stdout
        .split('\n')
        .filter(Boolean)
        .map((pid) => process.kill(Number(pid), 'SIGKILL')),
    () => {},
  );
  await run('ip', ['netns', 'del', foreignSpace]).catch(() => {});
  await wire.remove();
});

/** Powers a machine on, waits until it asks for its script, and cuts its power. Answers the events of that boot. */
async function boot(...firmware: string[]) {
  const seen = wire.events().length;
  const nic = [
    '-netdev',
    'tap,id=n0,ifname=tap0,script=no,downscript=no',
    '-device',
    `virtio-net-pci,netdev=n0,mac=${MAC}${firmware.length > 0 ? ',romfile=' : ''}`,
  ];
  const machine = [
    '-machine',
    'q35',
    '-m',
    '512',
    '-display',
    'none',
    '-nodefaults',
    '-serial',
    `file:${join(wire.directory, 'serial.log')}`,
  ];
  const child = runIn(wire.clientSpace, 'qemu-system-x86_64', ...machine, ...firmware, ...nic);
  try {
    await until('the script of the machine', () =>
      wire
        .events()
        .slice(seen)
        .some((e) => e.kind === 'http.script' && e.machine.mac === MAC),
    );
    return wire.events().slice(seen);
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

const clientAddress = (events: Awaited<ReturnType<typeof boot>>) => events.find((e) => e.kind === 'http.script')?.machine.ipAddress;

test('BIOS: iPXE in the ROM takes its address from dnsmasq and its script from us', async () => {
  const events = await boot();
  assert.match(clientAddress(events) ?? '', /^10\.77\.0\.2[012]\d$/);
  assert.ok(events.some((e) => e.kind === 'dhcp.offer' && /as a proxy; iPXE gets its script/.test(e.message)));
});

test('UEFI: PXE loads iPXE from us by TFTP, and iPXE its script, both with dnsmasq’s address', async () => {
  const variables = join(wire.directory, 'variables.fd');
  copyFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd', variables);
  const events = await boot(
    ...['-drive', 'if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd'],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
    ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
    ...['-device', 'virtio-rng-pci'],
  );
  assert.match(clientAddress(events) ?? '', /^10\.77\.0\.2[012]\d$/);
  assert.ok(events.some((e) => e.kind === 'dhcp.offer' && /as a proxy; x64 UEFI gets iPXE over TFTP/.test(e.message)));
  assert.ok(events.some((e) => e.kind === 'tftp.read' && e.evidence?.['path'] === 'snponly.efi'));
});

test('port 4011 acknowledges a PXE client to the port that it asked from', async () => {
  const options = new Map([
    [53, Buffer.from([3])],
    [60, Buffer.from('PXEClient:Arch:00007:UNDI:003001')],
    [93, Buffer.from([0, 7])],
  ]);
  const none = { hops: 0, xid: 77, secs: 0, flags: 0, yiaddr: 0, siaddr: 0, giaddr: 0, sname: '', file: '' };
  const chaddr = macAddressToBytes(MAC);
  const request = encodeDhcpMessage({ op: 1, htype: 1, ...none, ciaddr: ipv4ToNumber('10.77.0.77')!, chaddr, options }, 548).bytes;
  const ask = `const s = require('dgram').createSocket('udp4');
    s.on('message', (m) => { console.log(m.toString('hex')); s.close(); });
    s.bind(4444, () => s.send(Buffer.from(process.argv[1], 'hex'), 4011, '10.77.0.1'));`;
  await wire.client('ip', 'addr', 'add', '10.77.0.77/24', 'dev', 'br0');
  const { stdout } = await wire.client('timeout', '20', process.execPath, '-e', ask, request.toString('hex'));
  const answer = decodeDhcpMessage(Buffer.from(stdout.trim(), 'hex'));
  assert.ok('file' in answer, stdout);
  assert.deepEqual([answer.xid, answer.yiaddr, answer.file, answer.options.get(53)?.[0]], [77, 0, 'snponly.efi', 5]);
  await wire.client('ip', 'addr', 'flush', 'dev', 'br0');
});

test('no address of ours was given, and no stranger was answered', async () => {
  const metrics = await wire.metrics();
  assert.equal(metrics['lease.known'], 0);
  const { status } = await wire.client('udhcpc', '-i', 'br0', '-n', '-q', '-f', '-t', '4', '-s', '/bin/true');
  assert.equal(status, 0, 'dnsmasq answers the bridge');
  assert.ok((await wire.metrics())['dhcp.silence.stranger-not-answered']! > 0);
});
