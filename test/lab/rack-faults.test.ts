import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeStreamFrame, createStreamFrameReader } from '../../lab/switch/stream-frame-codec.ts';
import { startRack, type Rack, type RackFaults } from '../../lab/start-rack.ts';
import { declareRack } from '../../lab/topology.ts';

/** Faults in a running rack's switch and BMCs, and their counts, without machines. */
const spec = declareRack({ machines: 1, seed: 21 });
const LIMIT_MS = 60_000;

async function withRack(faults: RackFaults, use: (rack: Rack, runDirectory: string) => Promise<void>): Promise<void> {
  const runDirectory = mkdtempSync(join(tmpdir(), 'rackwright-rack-faults-'));
  const rack = await startRack({ spec, runDirectory, faults, onEvent: () => {} });
  try {
    await use(rack, runDirectory);
  } finally {
    await rack.stop();
    rmSync(runDirectory, { recursive: true, force: true });
  }
}

/** Who has 10.77.0.1? Tell 10.77.0.200. */
const ARP_REQUEST = Buffer.from(
  `ffffffffffff525400aabbcc08060001080006040001525400aabbcc${'0a4d00c8'}${'000000000000'}${'0a4d0001'}`.padEnd(120, '0'),
  'hex',
);

const plugIn = (rack: Rack) => plugInto(rack.sparePortSocket);
async function plugInto(path: string) {
  const socket = connect(path);
  await once(socket, 'connect');
  const read = createStreamFrameReader();
  const answers: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    for (const frame of read(chunk) ?? []) if (frame.readUInt16BE(12) === 0x0806 && frame.readUInt16BE(20) === 2) answers.push(frame);
  });
  return {
    ask: () => void socket.write(encodeStreamFrame(ARP_REQUEST)),
    answers: () => answers.length,
    unplug: () => void socket.destroy(),
  };
}

const framesOf = async (rack: Rack) => (await rack.faultCounts())['frames'] as Record<string, number>;

async function until(what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!(await probe())) {
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await sleep(20);
  }
}

test('a switch that loses everything passes nothing, and counts it', () =>
  withRack({ frames: { loss: { datagram: 1, stream: 1 } } }, async (rack) => {
    const stranger = await plugIn(rack);
    for (let asked = 0; asked < 5; asked += 1) stranger.ask();
    await until('the losses', async () => (await framesOf(rack))['loss']! >= 5);
    assert.equal(stranger.answers(), 0);
    stranger.unplug();
  }));

test('a switch that doubles everything makes two answers of each of two questions', () =>
  withRack({ frames: { duplicate: { datagram: 1, stream: 1 } } }, async (rack) => {
    const stranger = await plugIn(rack);
    stranger.ask();
    await until('four answers', () => stranger.answers() === 4);
    stranger.unplug();
  }));

test('a BMC that refuses sessions: ipmitool fails, and the count tells why', () =>
  withRack({ bmc: { sessionRefusal: 1 } }, async (rack, runDirectory) => {
    const { bmc } = spec.machines[0]!;
    const logFile = join(runDirectory, 'ipmitool.log');
    const login = ['-I', 'lanplus', '-C', '17', '-H', bmc.address, '-U', bmc.username, '-P', bmc.password];
    const tool = await rack.runInside(['ipmitool', ...login, 'chassis', 'status'], { logFile });
    assert.notEqual((await tool.exited).code, 0);
    assert.match(readFileSync(logFile, 'utf8'), /insufficient resources|Unable to establish/i);
    assert.ok(((await rack.faultCounts())['bmc'] as Record<string, number>)['sessionRefusal']! >= 1);
  }));

test('without faults nothing is counted', () =>
  withRack({}, async (rack) => {
    const stranger = await plugIn(rack);
    stranger.ask();
    await until('an answer', () => stranger.answers() === 1);
    const { frames, bmc } = (await rack.faultCounts()) as { frames: Record<string, number>; bmc: Record<string, number> };
    assert.deepEqual(
      [...Object.values(frames), ...Object.values(bmc)].filter((count) => count !== 0),
      [],
    );
    stranger.unplug();
  }));

test('a cable in another port talks there, and in a VLAN of its own it talks to nobody', () =>
  withRack({}, async (rack) => {
    const stranger = await plugIn(rack);
    const [machine] = spec.machines;
    const port = machine!.nics[0]!.switchPort;
    const countersOf = async (at: number) =>
      ((await rack.counters()) as Record<string, { framesIn: number; dropped: number }>)[`Ethernet1/${at}`]!;
    const framesIn = async () => [(await countersOf(port)).framesIn, (await countersOf(spec.leaf.sparePort)).framesIn];
    await rack.plug(machine!.name, 0, spec.leaf.sparePort);
    stranger.ask();
    await until('an answer by the other port', () => stranger.answers() === 1);
    assert.deepEqual(await framesIn(), [1, 0]);
    await rack.plug(machine!.name, 0, port);
    stranger.ask();
    await until('an answer by its own', () => stranger.answers() === 2);
    assert.deepEqual(await framesIn(), [1, 1]);
    stranger.unplug();

    const nic = await plugInto(rack.nicSocket(machine!.name, 0));
    await rack.setVlan(machine!.name, 0, 666, 'untagged');
    nic.ask();
    await until('the frame that gets nowhere', async () => (await framesIn())[0] === 2);
    assert.equal(nic.answers(), 0);
    await rack.setVlan(machine!.name, 0, 1, 'untagged');
    nic.ask();
    await until('an answer in the right VLAN', () => nic.answers() === 1);
    nic.unplug();
  }));
