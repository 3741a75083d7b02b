import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import dgram from 'node:dgram';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeBootToken } from '../../core/base/boot-token-codec.ts';
import { systemClock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import { systemRandom } from '../../core/base/random.ts';
import type { AskHost, BootModel } from '../../pxe/boot-model.ts';
import { type BootPlane, startBootPlane } from '../../pxe/boot-plane.ts';
import { decodeTftpPacket, encodeTftpPacket } from '../../pxe/tftp/tftp-codec.ts';
import { SECRET, until } from './boot-wire.ts';

/** TFTP and HTTP over loopback with foreign clients: needs no rights. */
const directory = mkdtempSync(join(tmpdir(), 'rackwright-boot-'));
const run = promisify(execFile);
const events: MachineEvent[] = [];
const image = systemRandom.bytes(40 << 20);
const undionly = systemRandom.bytes(74_213);
const iso = systemRandom.bytes(20_000);
const MAC = '52:54:00:00:00:01';
const model: BootModel = {
  version: 5,
  bootSecret: SECRET,
  subnets: [],
  hosts: [
    { nodeId: 'n1', name: 'rack1-m1', macs: [MAC], reservations: { [MAC]: '127.0.0.1' }, boot: { kind: 'agent', reason: 'inspection' } },
  ],
  files: {
    agentKernel: join(directory, 'vmlinuz'),
    agentRamdisk: join(directory, 'ramdisk'),
    agentCommandLine: 'a=b',
    agentIso: { path: join(directory, 'agent.iso'), lineStart: 5_000, lineBytes: 1_024 },
    ipxeDirectory: directory,
    signed: { shim: join(directory, 'shim'), grub: join(directory, 'no-grub') },
    imageDirectory: join(directory, 'images'),
    storeDirectories: [join(directory, 'no-store'), join(directory, 'store')],
  },
};
/** Away until a test says otherwise. */
let controlPlane: AskHost = () => Promise.reject(new Error('away'));
let plane: BootPlane;
let base: string;
const token = (expiresAtMs = Date.now() + 60_000) =>
  encodeBootToken({ mac: MAC, nodeId: 'n1', expiresAtMs }, Buffer.from(SECRET, 'base64'));
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

before(async () => {
  mkdirSync(join(directory, 'images'));
  mkdirSync(join(directory, 'store/ab'), { recursive: true });
  writeFileSync(join(directory, 'store/ab/abcd'), 'stored');
  writeFileSync(join(directory, 'images/debian.raw'), image);
  writeFileSync(join(directory, 'vmlinuz'), 'kernel');
  writeFileSync(join(directory, 'ramdisk'), 'ramdisk');
  writeFileSync(join(directory, 'agent.iso'), iso);
  writeFileSync(join(directory, 'shim'), 'signed');
  writeFileSync(join(directory, 'undionly.kpxe'), undionly);
  writeFileSync(join(directory, 'snponly.efi'), undionly.subarray(0, 1024));
  symlinkSync('/etc/passwd', join(directory, 'images/escape'));
  plane = await startBootPlane({
    model,
    dataDirectory: join(directory, 'data'),
    httpPort: 0,
    tftpPort: 0,
    listenAddress: '127.0.0.1',
    recordEvent: (event) => events.push(event),
    storeLeases: async () => {},
    askHost: (mac) => controlPlane(mac),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  base = `http://127.0.0.1:${plane.addresses().httpPort}`;
});
after(async () => {
  const started = Date.now();
  await plane.stop();
  assert.ok(Date.now() - started < 2000);
  rmSync(directory, { recursive: true });
});

const curl = async (...args: string[]) =>
  (await run('curl', ['-sS', '--path-as-is', '-i', ...args], { encoding: 'latin1', maxBuffer: 64 << 20 })).stdout;
const status = async (...args: string[]) => Number(/^HTTP\/1.1 (\d+)/.exec(await curl(...args))?.[1]);

test('tftp-hpa and atftp read the same bytes, in binary and in text mode', async () => {
  const port = String(plane.addresses().tftpPort);
  const out = join(directory, 'got');
  await run('tftp', ['-m', 'binary', '127.0.0.1', port, '-c', 'get', 'undionly.kpxe', out]);
  assert.equal(sha(readFileSync(out)), sha(undionly));
  await run('tftp', ['-m', 'netascii', '127.0.0.1', port, '-c', 'get', '/undionly.kpxe', out]);
  assert.equal(sha(readFileSync(out)), sha(undionly));
  for (const options of [
    [],
    ['--option', 'blksize 1428'],
    ['--option', 'blksize 1024', '--option', 'windowsize 8', '--option', 'tsize 0', '--option', 'timeout 2'],
  ]) {
    rmSync(out);
    await run('atftp', [...options, '-g', '-r', 'undionly.kpxe', '-l', out, '127.0.0.1', port]);
    assert.equal(sha(readFileSync(out)), sha(undionly));
  }
  const [read] = events.filter((e) => e.kind === 'tftp.read');
  assert.equal(read?.evidence?.['bytes'], undionly.length);
});

/** Sends one request and answers the first packet back. */
async function askTftp(...packet: Parameters<typeof encodeTftpPacket>) {
  const socket = dgram.createSocket('udp4');
  try {
    const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
    socket.send(encodeTftpPacket(...packet), plane.addresses().tftpPort, '127.0.0.1');
    return decodeTftpPacket(await answer);
  } finally {
    socket.close();
  }
}

test('TFTP refuses to write, to leave its tree and to guess whose script is meant', async () => {
  const read = (path: string) => askTftp({ kind: 'read', path, mode: 'octet', options: new Map() });
  assert.deepEqual(await askTftp({ kind: 'write', path: 'x', mode: 'octet', options: new Map() }), {
    kind: 'error',
    code: 2,
    message: 'this server is read-only',
  });
  for (const path of ['../../etc/passwd', '/etc/passwd', 'images/escape', 'vmlinuz', '..', ''])
    assert.equal(((await read(path)) as { code?: number }).code, 1, path);
  assert.equal(((await read('boot.ipxe')) as { code?: number }).code, 2);
  assert.match(
    JSON.stringify(await askTftp({ kind: 'read', path: 'undionly.kpxe', mode: 'mail', options: new Map() })),
    /mode mail is not served/,
  );
});

test('signed loaders read their files by TFTP: themselves, their configuration, and with a token the agent’s kernel and ramdisk', async () => {
  const port = String(plane.addresses().tftpPort);
  const get = async (path: string) => {
    const out = join(directory, 'signed-got');
    await run('tftp', ['-m', 'binary', '127.0.0.1', port, '-c', 'get', path, out]);
    return readFileSync(out, 'utf8');
  };
  assert.equal(await get('shimx64.efi'), 'signed');
  assert.match(await get('/grub/grub.cfg'), /source \/grub\/machine\.cfg/);
  assert.equal(await get(`/boot/${token()}/kernel`), 'kernel');
  assert.ok(!JSON.stringify(events).includes(token().slice(0, 20)), 'no event tells a boot token');
  const refused = async (path: string) => (await askTftp({ kind: 'read', path, mode: 'octet', options: new Map() })) as { code?: number };
  assert.equal((await refused(`boot/${token(Date.now() - 1)}/kernel`)).code, 2);
  assert.equal((await refused('boot/forged/kernel')).code, 2);
  assert.equal((await refused('grub/machine.cfg')).code, 2);
  // shim asks for these as well, and goes on without them.
  for (const path of ['revocations_sku.efi', 'grubx64.efi', 'grub/x86_64-efi/http.mod']) assert.equal((await refused(path)).code, 1, path);
});

test('duplicate ACKs send nothing twice, a lost ACK is made good', async () => {
  const socket = dgram.createSocket('udp4');
  const seen: number[] = [];
  let lost = false;
  const done = new Promise<void>((resolve) =>
    socket.on('message', (bytes, from) => {
      const packet = decodeTftpPacket(bytes);
      if (!('kind' in packet) || packet.kind !== 'data') return;
      seen.push(packet.block);
      if (packet.block === 2 && !lost) return void (lost = true);
      for (let i = 0; i < 3; i += 1) socket.send(encodeTftpPacket({ kind: 'ack', block: packet.block }), from.port, from.address);
      if (packet.bytes.length < 512) resolve();
    }),
  );
  socket.send(
    encodeTftpPacket({ kind: 'read', path: 'snponly.efi', mode: 'octet', options: new Map() }),
    plane.addresses().tftpPort,
    '127.0.0.1',
  );
  await done;
  await sleep(50);
  socket.close();
  assert.deepEqual(seen, [1, 2, 2, 3]);
});

/** Reads by windows as RFC 7440 has it, and loses all of the first `windowsLost` windows but their first `kept` blocks. */
async function readByWindows(windowBlocks: number, windowsLost: number, kept: number): Promise<Buffer> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  const parts: Buffer[] = [];
  let [inWindow, losses] = [0, 0];
  const whole = new Promise<Buffer>((resolve) =>
    socket.on('message', (bytes, from) => {
      const packet = decodeTftpPacket(bytes);
      if (!('kind' in packet) || (packet.kind !== 'data' && packet.kind !== 'option-ack')) return;
      const acknowledge = () => {
        inWindow = 0;
        socket.send(encodeTftpPacket({ kind: 'ack', block: parts.length }), from.port, from.address);
      };
      if (packet.kind === 'option-ack') return acknowledge();
      if (packet.block !== parts.length + 1) return;
      if (losses < windowsLost && inWindow === kept) {
        losses += 1;
        return acknowledge();
      }
      parts.push(packet.bytes);
      inWindow += 1;
      const isLast = packet.bytes.length < 512;
      if (isLast || inWindow === windowBlocks) acknowledge();
      if (isLast) resolve(Buffer.concat(parts));
    }),
  );
  const options = new Map([['windowsize', String(windowBlocks)]]);
  socket.send(encodeTftpPacket({ kind: 'read', path: 'undionly.kpxe', mode: 'octet', options }), plane.addresses().tftpPort, '127.0.0.1');
  const read = await whole;
  await sleep(50);
  socket.close();
  return read;
}

test('a client that loses parts of windows gets smaller bursts, also in its next transfer; one that loses none gets whole windows', async () => {
  const burst = () => events.findLast(({ kind }) => kind === 'tftp.read')!.evidence!['burstBlocks'];
  assert.equal(sha(await readByWindows(32, 0, 0)), sha(undionly));
  assert.equal(burst(), 32);
  // The first block of a window too: its client then says again what it has.
  assert.equal(sha(await readByWindows(32, 2, 0)), sha(undionly));
  assert.equal(burst(), 8);
  assert.equal(sha(await readByWindows(32, 1, 5)), sha(undionly));
  assert.equal(burst(), 4);
});

test('more than 65535 blocks go through', async () => {
  // 8-byte blocks roll the counter over within a file of 600 kB.
  writeFileSync(join(directory, 'ipxe.efi'), undionly.subarray(0, 70_000));
  const wide = Buffer.concat([undionly, undionly, undionly, undionly, undionly, undionly, undionly, undionly]);
  writeFileSync(join(directory, 'ipxe.efi'), wide);
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  const parts: Buffer[] = [];
  let expected = 1;
  const done = new Promise<void>((resolve) =>
    socket.on('message', (bytes, from) => {
      const packet = decodeTftpPacket(bytes);
      const ack = (block: number) => socket.send(encodeTftpPacket({ kind: 'ack', block }), from.port, from.address);
      if (!('kind' in packet)) return;
      if (packet.kind === 'option-ack') return ack(0);
      if (packet.kind !== 'data') return;
      if (packet.block === (expected & 0xffff)) {
        parts.push(packet.bytes);
        expected += 1;
        if (packet.bytes.length < 8) resolve();
        if (packet.bytes.length < 8 || (expected - 1) % 64 === 0) ack(packet.block);
      } else ack((expected - 1) & 0xffff);
    }),
  );
  socket.send(
    encodeTftpPacket({
      kind: 'read',
      path: 'ipxe.efi',
      mode: 'octet',
      options: new Map([
        ['blksize', '8'],
        ['windowsize', '64'],
      ]),
    }),
    plane.addresses().tftpPort,
    '127.0.0.1',
  );
  await done;
  await sleep(20);
  socket.close();
  assert.ok(expected > 65_536);
  assert.equal(sha(Buffer.concat(parts)), sha(wide));
});

test('the script, the agent’s files and the firmware’s binaries', async () => {
  const script = await curl(`${base}/boot/ipxe?mac=52-54-00-00-00-01&platform=efi`);
  const url = /kernel (http:\S+\/boot\/(\S+)\/kernel)/.exec(script);
  assert.ok(url, script);
  assert.match(await curl(`${base}/boot/${url[2]}/kernel`), /\r\n\r\nkernel$/);
  assert.match(await curl(`${base}/boot/${url[2]}/ramdisk`), /\r\n\r\nramdisk$/);
  assert.match(await curl(`${base}//boot///snponly.efi`, '-o', '/dev/null', '-D', '-'), /200 OK[^]*application\/efi/);
  assert.ok(events.some((e) => e.kind === 'http.script' && e.machine.nodeId === 'n1'));
  assert.ok(!JSON.stringify(events).includes(url[2]!), 'no event shows a token');
});

test('an image of a store is found where it lies, behind the operator’s own files', async () => {
  const answer = await fetch(`${base}/images/${token()}/ab/abcd`);
  assert.equal(await answer.text(), 'stored');
});

test('refusals are plain sentences with the right status', async () => {
  for (const [path, expected, ...args] of [
    ['/boot/forged.token/kernel', 403],
    [`/boot/${token(Date.now() - 1)}/kernel`, 403],
    [`/images/${token().slice(0, -2)}/debian.raw`, 403],
    [`/images/${token()}/../vmlinuz`, 400],
    [`/images/${token()}/%2e%2e/vmlinuz`, 400],
    [`/images/${token()}/escape`, 404],
    [`/images/${token()}/none`, 404],
    [`/images/${token()}`, 404],
    ['/boot/ipxe?mac=nonsense', 400],
    ['/boot/ipxe', 400],
    ['/boot/snponly.efi', 405, '-X', 'POST'],
    ['/', 404],
  ] as [string, number, ...string[]][])
    assert.equal(await status(...args, base + path), expected, path);
});

test('curl: HEAD, ranges, conditions, resuming', async () => {
  const url = `${base}/images/${token()}/debian.raw`;
  const head = await curl('-I', url);
  const etag = /etag: (\S+)/i.exec(head)![1]!;
  assert.match(head, new RegExp(`content-length: ${image.length}`));
  assert.equal(await status('-H', `If-None-Match: ${etag}`, url), 304);
  assert.equal(await status('-r', `${image.length}-`, url), 416);
  const range = await curl('-r', '1000-1999', url);
  assert.match(range, /206 Partial[^]*content-range: bytes 1000-1999\//i);
  assert.equal(range.slice(range.indexOf('\r\n\r\n') + 4), image.toString('latin1', 1000, 2000));
  const out = join(directory, 'resumed');
  writeFileSync(out, image.subarray(0, 7_000_001));
  await run('curl', ['-sS', '-C', '-', '-o', out, url]);
  assert.equal(sha(readFileSync(out)), sha(image));
  await Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      await run('curl', ['-sS', '-o', `${out}${n}`, url]);
      assert.equal(sha(readFileSync(`${out}${n}`)), sha(image));
    }),
  );
});

test('a client that goes away is counted with the bytes it got, and one that stalls holds no more than its buffers', async () => {
  const path = `/images/${token()}/debian.raw`;
  const starts = () => events.filter((e) => e.kind === 'http.start').length;
  const before = starts();
  const stalled = connect(plane.addresses().httpPort, '127.0.0.1');
  stalled.pause();
  stalled.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await until('the start of the transfer', () => starts() > before || undefined);
  stalled.destroy();
  const told = await until('the abort event', () => events.find((e) => e.kind === 'http.aborted'));
  assert.ok((told.evidence?.['bytes'] as number) < image.length);
  assert.equal(plane.metrics()['http.aborted'], 1);
  assert.match(told.message, /went away/);
});

test('a script follows the control plane of this moment, and the model when that is away or late', async () => {
  const script = () => curl(`${base}/boot/ipxe?mac=${MAC}&platform=pcbios`);
  const host = { ...model.hosts[0]!, boot: { kind: 'disk', reason: 'deployed a moment ago' } } as const;
  controlPlane = async () => host;
  assert.match(await script(), /deployed a moment ago[^]*sanboot/);
  controlPlane = () => new Promise(() => {});
  assert.match(await script(), /inspection[^]*kernel http/);
  controlPlane = () => Promise.reject(new Error('away'));
  assert.match(await script(), /inspection[^]*kernel http/);
  assert.ok(plane.metrics()['script.from-memory']! >= 2);
});

test('an older model never replaces a newer one', async () => {
  assert.equal(await plane.replaceModel({ ...model, version: 4, hosts: [] }), false);
  assert.equal(
    await plane.replaceModel({ ...model, version: 6, hosts: [{ ...model.hosts[0]!, boot: { kind: 'disk', reason: 'deployed' } }] }),
    true,
  );
  assert.match(await curl(`${base}/boot/ipxe?mac=${MAC}&platform=pcbios`), /sanboot/);
});

test('the boot CD is the same file for all, and each machine gets its own line in it, whole or by ranges', async () => {
  const mine = token();
  const url = `${base}/boot/${mine}/agent.iso`;
  const whole = await fetch(url);
  const bytes = Buffer.from(await whole.arrayBuffer());
  const line = bytes.toString('latin1', 5_000, 6_024);
  assert.equal(line.length, 1_024);
  assert.equal(
    line.trimEnd(),
    `linux /boot/kernel 'BOOTIF=${MAC}' 'rackwright.token=${mine}' 'rackwright.node=n1' 'a=b' 'console=tty0' 'console=ttyS0,115200'`,
  );
  assert.deepEqual(
    Buffer.concat([bytes.subarray(0, 5_000), bytes.subarray(6_024)]),
    Buffer.concat([iso.subarray(0, 5_000), iso.subarray(6_024)]),
  );
  const part = await fetch(url, { headers: { range: 'bytes=4990-5030' } });
  assert.equal(part.status, 206);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(4_990, 5_031));
  const other = await fetch(`${base}/boot/${token(Date.now() + 120_000)}/agent.iso`, { method: 'HEAD' });
  assert.notEqual(other.headers.get('etag'), whole.headers.get('etag'), 'another line, another tag');
  assert.equal((await fetch(`${base}/boot/forged.token/agent.iso`)).status, 403);
});
