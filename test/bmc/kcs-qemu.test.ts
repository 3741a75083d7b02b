import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import { startEmulatedBmc } from '../../lab/bmc/emulated-bmc.ts';
import { createSimulatedMachine } from '../../lab/bmc/simulated-machine.ts';
import { IDENTITY, PASSWORD, USERNAME } from './bmc-rig.ts';

/**
 * The in-band side through a real QEMU: its KCS chip at I/O port 0xca2 in front of `ipmi-bmc-extern`. The qtest
 * protocol moves the port's bytes, so that no guest needs to boot: its processor never starts (-S).
 */
const DATA = 0xca2;
const STATUS = 0xca3;
const KCS = { outputFull: 0x01, inputFull: 0x02, writeStart: 0x61, writeEnd: 0x62, read: 0x68, stateRead: 1 } as const;

function createQtest(socket: Socket) {
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: socket }).on('line', (line) => {
    if (!line.startsWith('IRQ')) waiting.shift()?.(line);
  });
  const ask = (command: string) =>
    new Promise<string>((resolve) => {
      waiting.push(resolve);
      socket.write(`${command}\n`);
    });
  return {
    out: (port: number, value: number) => ask(`outb 0x${port.toString(16)} 0x${value.toString(16)}`),
    in: async (port: number) => Number((await ask(`inb 0x${port.toString(16)}`)).split(' ')[1]),
  };
}

type Qtest = ReturnType<typeof createQtest>;

async function status(qtest: Qtest, mask: number, wanted: number): Promise<number> {
  for (;;) {
    const value = await qtest.in(STATUS);
    if ((value & mask) === wanted) return value;
    await systemClock.sleep(5);
  }
}

/** One exchange by the KCS rules (IPMI 2.0 §9.10, figures 9-6 and 9-7). */
async function kcs(qtest: Qtest, request: readonly number[]): Promise<number[]> {
  const write = async (port: number, value: number) => {
    await qtest.out(port, value);
    await status(qtest, KCS.inputFull, 0);
  };
  await write(STATUS, KCS.writeStart);
  await qtest.in(DATA);
  for (const byte of request.slice(0, -1)) {
    await write(DATA, byte);
    await qtest.in(DATA);
  }
  await write(STATUS, KCS.writeEnd);
  await qtest.in(DATA);
  await qtest.out(DATA, request.at(-1)!);
  const answer: number[] = [];
  for (;;) {
    const now = await status(qtest, KCS.outputFull, KCS.outputFull);
    const byte = await qtest.in(DATA);
    if (now >> 6 !== KCS.stateRead) return answer;
    answer.push(byte);
    await qtest.out(DATA, KCS.read);
  }
}

test('QEMU reaches the same BMC in band: device id, LAN settings, a user', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kcs-'));
  const qtestPath = join(folder, 'qtest');
  const kcsSocketPath = join(folder, 'kcs');
  const connected = new Promise<Socket>((resolve) => createServer(resolve).listen(qtestPath).unref());
  const machine = { ...createSimulatedMachine({ name: 'node-1' }), kcsSocketPath };
  const bmc = await startEmulatedBmc({
    name: 'node-1',
    address: '127.0.0.1',
    ipmiPort: 0,
    protocols: ['ipmi'],
    username: USERNAME,
    password: PASSWORD,
    identity: IDENTITY,
    machine,
  });
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      '-machine',
      'q35',
      '-accel',
      'tcg',
      '-S',
      '-display',
      'none',
      '-nodefaults',
      '-no-user-config',
      '-qtest',
      `unix:${qtestPath}`,
      '-qtest-log',
      '/dev/null',
      '-chardev',
      `socket,id=ipmi0,path=${kcsSocketPath},reconnect=1`,
      '-device',
      'ipmi-bmc-extern,id=bmc0,chardev=ipmi0',
      '-device',
      'isa-ipmi-kcs,bmc=bmc0',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const exited = new Promise((resolve) => qemu.on('exit', resolve));
  try {
    const socket = await Promise.race([connected, exited.then(() => assert.fail('QEMU did not start'))]);
    const qtest = createQtest(socket);
    const device = await kcs(qtest, [6 << 2, 0x01]);
    assert.deepEqual(device.slice(0, 4), [7 << 2, 0x01, 0x00, 0x20]);
    assert.deepEqual((await kcs(qtest, [0x0c << 2, 0x02, 1, 3, 0, 0])).slice(2), [0, 0x11, 127, 0, 0, 1]);
    await kcs(qtest, [0x0c << 2, 0x01, 1, 3, 10, 0xa0, 0xa1, 0xaa]);
    assert.equal(bmc.state.lan.ipAddress, '10.160.161.170', 'bytes that the line escapes');
    const name = [...Buffer.from('inband'.padEnd(16, '\0'))];
    assert.equal((await kcs(qtest, [6 << 2, 0x45, 3, ...name]))[2], 0);
    assert.equal(bmc.state.accounts[3]?.name, 'inband');
    assert.equal((await kcs(qtest, [6 << 2, 0x7e]))[2], 0xc1, 'an unknown command');
  } finally {
    qemu.kill();
    await exited;
    await bmc.stop();
    await rm(folder, { recursive: true });
  }
});
