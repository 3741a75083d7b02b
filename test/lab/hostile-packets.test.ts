import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../core/base/json.ts';
import { seededRandom } from '../../core/base/random.ts';
import { chooseFaults } from '../../lab/choose-faults.ts';
import { startRack, type InsideProcess, type Rack } from '../../lab/start-rack.ts';
import { declareRack } from '../../lab/topology.ts';

/** The real control plane in a rack whose machines stay off, while the faults that need no machine do their worst. */
const root = join(import.meta.dirname, '../..');
const program = [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'cli/rackwright.ts')];
const runDirectory = mkdtempSync(join(tmpdir(), 'rackwright-hostile-'));
const data = join(runDirectory, 'data');
const LIMIT_MS = 120_000;
let rack: Rack;
let serve: InsideProcess;
let endpoint: string;
let hasEnded = false;

const isReady = () =>
  fetch(`${endpoint}/healthz`, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );

async function eventsSoFar(): Promise<JsonObject[]> {
  const { username, password } = JSON.parse(readFileSync(join(data, 'administrator.json'), 'utf8')) as {
    username: string;
    password: string;
  };
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const response = await fetch(`${endpoint}/baremetal/v1/events?after=0`, {
    headers: { authorization },
    signal: AbortSignal.timeout(2_000),
  });
  let text = '';
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) text += piece;
  } catch {
    // A feed ends only with its reader.
  }
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line.endsWith('}'))
    .map((line) => JSON.parse(line.slice(6)) as JsonObject);
}

before(async () => {
  const ramdiskCache = join(root, '.cache/ramdisk');
  execFileSync(program[0]!, [...program.slice(1), 'ramdisk', 'build', '--cache', ramdiskCache, '--json'], { stdio: 'ignore' });
  const network = {
    name: 'provisioning',
    cidr: '10.77.0.0/24',
    interface: 'prov0',
    server_address: '10.77.0.1',
    discovery_pool: '10.77.0.150-10.77.0.250',
  };
  const configuration = join(runDirectory, 'rackwright.json');
  writeFileSync(configuration, JSON.stringify({ boot: { ramdisk_cache: ramdiskCache, networks: [network] } }));
  rack = await startRack({ spec: declareRack({ machines: 1, seed: 11 }), runDirectory, onEvent: () => {} });
  serve = await rack.runInside([...program, 'serve', '--data', data, '--config', configuration, '--listen', '127.0.0.1:5000'], {
    logFile: join(runDirectory, 'serve.log'),
  });
  void serve.exited.then(() => (hasEnded = true));
  const forward = await rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: '127.0.0.1:5000' });
  endpoint = `http://127.0.0.1:${forward.port}`;
  const end = Date.now() + LIMIT_MS;
  while (!(await isReady())) {
    assert.ok(!hasEnded && Date.now() < end, readFileSync(join(runDirectory, 'serve.log'), 'utf8').slice(-2_000));
    await sleep(100);
  }
});
after(async () => {
  await serve?.kill('SIGTERM');
  await rack?.stop();
  rmSync(runDirectory, { recursive: true, force: true });
});

/** Runs the fault until `isEnough`; what the product fell short of. */
async function suffer(
  name: string,
  isEnough: (injected: number) => Promise<boolean> | boolean,
): Promise<{ injected: number; problems: string[] }> {
  const chosen = chooseFaults([name]);
  assert.ok('faults' in chosen);
  const problems: string[] = [];
  let injected = 0;
  const nothing = () => Promise.reject(new Error('this fault has no business with it'));
  const disturbance = await chosen.faults[0]!.disturb!({
    rack,
    dataDirectory: data,
    runDirectory,
    imagePath: '',
    product: { get: nothing, send: nothing, attempt: nothing, look: nothing, isReady, eventsSoFar },
    controlPlane: { start: nothing, crash: nothing, stop: nothing, unexpectedEnds: () => 0 },
    random: seededRandom(12),
    onStep: () => () => {},
    inject: () => void (injected += 1),
    problem: (text) => void problems.push(text),
    say: () => {},
  });
  const end = Date.now() + LIMIT_MS;
  while (!(await isEnough(injected)) && Date.now() < end) await sleep(100);
  await disturbance.stop();
  return { injected, problems };
}

test('three hundred damaged packets and requests: the control plane lives on and answers', async () => {
  const { injected, problems } = await suffer('malformed-packets', (count) => count >= 300);
  assert.ok(injected >= 300);
  assert.deepEqual(problems, []);
  assert.equal(hasEnded, false);
  assert.doesNotMatch(readFileSync(join(runDirectory, 'serve.log'), 'utf8'), /"level":(50|60)|TypeError|RangeError/);
});

test('a machine of an unknown architecture gets no boot file, and an event says why', async () => {
  const isTold = async () => (await eventsSoFar()).some((event) => event['kind'] === 'dhcp.unsupported-architecture');
  const { injected, problems } = await suffer('unknown-architecture', isTold);
  assert.ok(injected >= 1);
  assert.deepEqual(problems, []);
});
