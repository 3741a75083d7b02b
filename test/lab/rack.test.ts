import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createBmcConnector } from '../../bmc/connect-bmc.ts';
import { systemClock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import { systemRandom } from '../../core/base/random.ts';
import { Secret } from '../../core/base/secret.ts';
import { decodeLldp } from '../../deploy-agent/agent/inventory/lldp-codec.ts';
import { createStreamFrameReader, encodeStreamFrame } from '../../lab/switch/stream-frame-codec.ts';
import { startRack, type Rack, type RackEvent } from '../../lab/start-rack.ts';
import { declareRack } from '../../lab/topology.ts';

/** A rack with everything but running machines. */
const spec = declareRack({ machines: 3, seed: 7 });
const runDirectory = mkdtempSync(join(tmpdir(), 'rackwright-lab-test-'));
const events: RackEvent[] = [];
const hostInterfaces = Object.keys(networkInterfaces()).toSorted();
let rack: Rack;

const LIMIT_MS = 60_000;
async function until<T>(what: string, probe: () => T | undefined | false): Promise<T> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const value = probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(20);
  }
}

let logs = 0;
async function inside(...argv: string[]): Promise<{ code: number | null; output: string }> {
  const logFile = join(runDirectory, `inside-${(logs += 1)}.log`);
  const { code } = await (await rack.runInside(argv, { logFile })).exited;
  return { code, output: readFileSync(logFile, 'utf8') };
}

before(async () => {
  rack = await startRack({ spec, runDirectory, onEvent: (event) => void events.push(event) });
});
after(async () => {
  await rack.stop();
  rmSync(runDirectory, { recursive: true, force: true });
});

test('the network is inside, and the host sees nothing of it', async () => {
  const { output } = await inside('ip', '-4', '-brief', 'address');
  assert.match(output, /prov0\s+\S+\s+10\.77\.0\.1\/24/);
  assert.match(output, /10\.77\.1\.13\/32/);
  assert.deepEqual(Object.keys(networkInterfaces()).toSorted(), hostInterfaces);
});

test('ipmitool reads the FRU of a BMC from inside', async () => {
  const { bmc, identity } = spec.machines[0]!;
  const { code, output } = await inside(
    'ipmitool',
    '-I',
    'lanplus',
    '-C',
    '17',
    '-H',
    bmc.address,
    '-U',
    bmc.username,
    '-P',
    bmc.password,
    'fru',
  );
  assert.equal(code, 0, output);
  assert.match(output, new RegExp(identity.serial));
});

test('our own client reaches a Redfish BMC through a forward', async () => {
  const { bmc, identity } = spec.machines[1]!;
  const forward = await rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: `${bmc.address}:443` });
  const connector = createBmcConnector({ logger: silentLogger, clock: systemClock, random: systemRandom, recordEvent: () => {} });
  const { signal } = new AbortController();
  try {
    const connection = connector.connect([
      {
        protocol: 'redfish',
        host: '127.0.0.1',
        port: forward.port,
        username: bmc.username,
        password: new Secret(bmc.password),
        trust: false,
      },
    ]);
    assert.equal((await connection.identity(signal)).serial, identity.serial);
    assert.equal(await connection.powerState(signal), 'off');
  } finally {
    await connector.close();
    await forward.stop();
  }
});

test('a frame from a NIC socket reaches the TAP, its answer comes back, and LLDP tells the port', async () => {
  const nic = spec.machines[2]!.nics[1]!;
  const { socketDirectory } = JSON.parse(readFileSync(join(runDirectory, 'rack.json'), 'utf8')) as { socketDirectory: string };
  const socket = connect(join(socketDirectory, `port-${nic.switchPort}`));
  const frames: Buffer[] = [];
  const read = createStreamFrameReader();
  socket.on('data', (chunk: Buffer) => void frames.push(...(read(chunk) ?? [])));
  try {
    const mac = macAddressToBytes(nic.mac);
    // Who has 10.77.0.1? Tell 10.77.0.200.
    const arp = Buffer.concat([
      Buffer.alloc(6, 0xff),
      mac,
      Buffer.from('08060001080006040001', 'hex'),
      mac,
      Buffer.from([10, 77, 0, 200]),
      Buffer.alloc(6),
      Buffer.from([10, 77, 0, 1]),
    ]);
    socket.write(encodeStreamFrame(arp));
    const answer = await until('an ARP answer', () =>
      frames.find((frame) => frame.readUInt16BE(12) === 0x0806 && frame.readUInt16BE(20) === 2),
    );
    assert.deepEqual([...answer.subarray(28, 32)], [10, 77, 0, 1]);
    const lldp = await until('LLDP', () => frames.find((frame) => frame.readUInt16BE(12) === 0x88cc));
    assert.deepEqual(decodeLldp(lldp), {
      chassisId: spec.leaf.chassisMac,
      portId: `Ethernet1/${nic.switchPort}`,
      portDescription: 'machine-3 nic 2',
      systemName: 'leaf-1',
    });

    const answers = () => frames.filter((frame) => frame.readUInt16BE(12) === 0x0806 && frame.readUInt16BE(20) === 2).length;
    const port = async () =>
      ((await rack.counters()) as Record<string, { link: boolean; dropped: number }>)[`Ethernet1/${nic.switchPort}`]!;
    await rack.setLink('machine-3', 1, false);
    const { link, dropped } = await port();
    assert.equal(link, false);
    const seen = answers();
    socket.write(encodeStreamFrame(arp));
    const end = Date.now() + LIMIT_MS;
    while ((await port()).dropped === dropped && Date.now() < end) await sleep(20);
    assert.equal(answers(), seen);
    await rack.setLink('machine-3', 1, true);
    socket.write(encodeStreamFrame(arp));
    await until('an answer after the link came back', () => answers() > seen);
  } finally {
    socket.destroy();
  }
  const capture = readFileSync(join(runDirectory, 'captures', `ethernet1-${nic.switchPort}.pcap`));
  assert.equal(capture.readUInt32LE(0), 0xa1b2c3d4);
});

test('a forward carries a whole stream both ways', async () => {
  const echo = `require('net').createServer({ allowHalfOpen: true }, (s) => s.pipe(s)).listen(4555, '127.0.0.1')`;
  const logFile = join(runDirectory, 'echo.log');
  const server = await rack.runInside([process.execPath, '-e', echo], { logFile });
  const forward = await rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: '127.0.0.1:4555' });
  const sent = Buffer.alloc(3_000_000, 'rack');
  const ask = () =>
    new Promise<Buffer>((resolve) => {
      const chunks: Buffer[] = [];
      const socket = connect(forward.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
      socket.on('close', () => resolve(Buffer.concat(chunks)));
      socket.end(sent);
    });
  let answer = await ask();
  const end = Date.now() + LIMIT_MS;
  while (answer.length === 0 && Date.now() < end) {
    await sleep(50);
    answer = await ask();
  }
  assert.ok(answer.equals(sent), `${answer.length} of ${sent.length} bytes`);
  await forward.stop();
  assert.equal(await server.kill('SIGTERM'), true);
  assert.deepEqual(await server.exited, { code: null, signal: 'SIGTERM' });
});

test('a second rack runs beside the first', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rackwright-lab-test-'));
  const second = await startRack({ spec: declareRack({ machines: 1, seed: 8 }), runDirectory: directory, onEvent: () => {} });
  await second.stop();
  rmSync(directory, { recursive: true, force: true });
  assert.equal((await inside('true')).code, 0);
});

test('a host port that is taken is said, not hidden', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as { port: number };
  await assert.rejects(rack.forwardTcp({ hostListen: `127.0.0.1:${port}`, insideAddress: '127.0.0.1:1' }), /EADDRINUSE/);
  holder.close();
  await assert.rejects(rack.runInside(['no-such-program'], { logFile: join(runDirectory, 'none.log') }), /ENOENT/);
  await assert.rejects(rack.power('machine-9', 'on'), /no machine machine-9/);
});

const OWN_NETWORK = readlinkSync('/proc/self/ns/net');

/** Host process ids of everything that names the directory in its command line, and the network namespaces they are in. */
function processesOf(directory: string): { pid: string; network: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const named = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
        return named ? [{ pid, network: readlinkSync(`/proc/${pid}/ns/net`) }] : [];
      } catch {
        return [];
      }
    });
}

const processesIn = (network: string) =>
  readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/ns/net`) === network;
    } catch {
      return false;
    }
  });

test('kill -9 of the lab leaves no process, no namespace and no socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rackwright-lab-test-'));
  const host = fileURLToPath(new URL('rack-host.ts', import.meta.url));
  const lab = spawn(process.execPath, [host, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(lab.stdout, 'data');
    const { socketDirectory } = JSON.parse(readFileSync(join(directory, 'rack.json'), 'utf8')) as { socketDirectory: string };
    const network = processesOf(directory).find((each) => each.network !== OWN_NETWORK)?.network;
    assert.ok(network && processesIn(network).length >= 4);
    lab.kill('SIGKILL');
    await until('the end of every process', () => processesIn(network).length === 0 && processesOf(directory).length === 0);
    assert.equal(existsSync(socketDirectory), false);
  } finally {
    lab.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
});
