import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { startBmcFleet, type BmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** `rackwright node …` as an operator types it, against a control plane of its own: fake hardware, and one real BMC protocol. */
const data = mkdtempSync(join(tmpdir(), 'rackwright-node-'));
const program = join(import.meta.dirname, '../../cli/rackwright.ts');
let serve: ServeProcess;
let fleet: BmcFleet;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(words: readonly string[]) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, 'node', ...words, '--data', data]);
  const said = { out: '', err: '' };
  child.stdout.on('data', (bytes: Buffer) => (said.out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said.err += bytes.toString()));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...said })));
  return { child, said, ended };
}
const node = (...words: string[]): Promise<Ended> => start(words).ended;
const succeeds = async (...words: string[]): Promise<Ended> => {
  const ended = await node(...words);
  assert.equal(ended.code, 0, `${words.join(' ')}: ${ended.err}`);
  return ended;
};
async function until(what: string, look: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (look()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited for ${what}`);
}

before(async () => {
  fleet = await startBmcFleet({ count: 1, firstAddress: `127.42.${process.pid % 250}.1`, protocol: 'ipmi', ipmiPort: 6231 });
  serve = await startServe(data);
});
after(async () => {
  await serve?.kill('SIGTERM');
  await fleet?.stop();
  rmSync(data, { recursive: true, force: true });
});

describe('the life of a node from the command line', () => {
  test('created, managed, cleaned, deployed, serviced and given back, each followed to its end', async () => {
    const created = await succeeds('create', 'worker', '--driver', 'fake-hardware', '--resource-class', 'baremetal');
    assert.match(created.out, /worker is enroll .*next: rackwright node manage worker/);
    assert.match((await succeeds('manage', 'worker', '--wait')).err, /worker is manageable/);
    await succeeds('clean', 'worker', '--step', 'power.power_on', '--step', 'power.wait={"seconds":1}', '--wait');
    await succeeds('provide', 'worker', '--wait');
    await succeeds('deploy', 'worker', '--wait');
    const listed = JSON.parse((await succeeds('list', '--json')).out) as JsonObject[];
    assert.deepEqual(
      listed.map((each) => [each['name'], each['provision_state']]),
      [['worker', 'active']],
    );
    await succeeds('service', 'worker', '--step', 'power.reboot', '--wait');
    await succeeds('undeploy', 'worker', '--wait');
    const explained = await succeeds('explain', 'worker');
    assert.match(explained.out, /worker is available; nothing is in progress/);
    assert.match(explained.out, /tear_down/);
  });

  test('a hold stops a machine between two steps until somebody ends it', async () => {
    await succeeds('create', 'held', '--driver', 'fake-hardware');
    await succeeds('manage', 'held', '--wait');
    await succeeds('clean', 'held', '--step', 'power.hold', '--step', 'power.power_off');
    const state = async () => (JSON.parse((await succeeds('show', 'held', '--json')).out) as JsonObject)['provision_state'];
    for (let tries = 0; (await state()) !== 'clean hold'; tries += 1) assert.ok(tries < 100, `it is ${String(await state())}`);
    assert.match((await succeeds('explain', 'held')).out, /waits for an operator to end the hold/);
    await succeeds('unhold', 'held', '--wait');
    assert.equal(await state(), 'manageable');
  });

  test('steps that are not there end in a failed state that names the known ones', async () => {
    await succeeds('create', 'picky', '--driver', 'fake-hardware');
    await succeeds('manage', 'picky', '--wait');
    const ended = await node('clean', 'picky', '--step', 'deploy.fly', '--wait');
    assert.equal(ended.code, 1);
    assert.match(ended.err, /clean failed: .*no clean step deploy\.fly.*Known: .*hold/);
    await succeeds('manage', 'picky', '--wait');
    const endless = await node('clean', 'picky', '--step', 'power.wait={"seconds":"soon"}', '--wait');
    assert.equal(endless.code, 1);
    assert.match(endless.err, /power\.wait waits 1 to 86400 seconds, not "soon"/);
  });

  test('what the command line gets wrong is told before anything is asked', async () => {
    const wrong: readonly [string[], RegExp][] = [
      [['power', 'worker', 'sideways'], /no power action is called sideways/],
      [['maintenance', 'worker', 'perhaps'], /on or off/],
      [['clean', 'worker', '--step', 'nothing'], /not INTERFACE\.STEP/],
      [['clean', 'worker', '--step', 'a.b={'], /no JSON/],
      [['deploy', 'worker', '--image', 'x.raw'], /--image and --sha256 go together/],
      [['set', 'worker'], /nothing to set/],
      [['clean', 'worker'], /at least one --step/],
      [['watchdog', 'worker', '--action', 'none'], /--action wants --seconds/],
      [['secure-boot-keys', 'worker', '--remove', 'nope'], /takes a name as the list has it/],
      [['secure-boot-keys', 'worker', '--owner', 'nobody'], /--owner wants --add/],
      [['console', 'worker', '--json'], /--json goes with/],
    ];
    for (const [words, message] of wrong) {
      const ended = await node(...words);
      assert.equal(ended.code, 2, words.join(' '));
      assert.match(ended.err, message);
    }
    assert.equal((await node('show', 'nobody')).code, 1);
  });

  test('a machine is created whole or not at all', async () => {
    const bad = await node('create', 'half', '--driver', 'fake-hardware', '--port', '52:54:00:00:00:01', '--port', 'zz');
    assert.equal(bad.code, 1);
    assert.match(bad.err, /Expected valid MAC address/);
    assert.match((await node('show', 'half')).err, /could not be found/);
    await succeeds('create', 'half', '--driver', 'fake-hardware', '--instance-info', 'image_source=x', '--port', '52:54:00:00:00:01');
    const shown = JSON.parse((await succeeds('show', 'half', '--json')).out) as { instance_info: JsonObject };
    assert.deepEqual(shown.instance_info, { image_source: 'x' });
    for (const [words, none] of [
      [['timeline', 'half'], 'nothing has been recorded yet'],
      [['results', 'half'], 'no script has run yet'],
      [['results', 'half', '--script', '40-cpu'], '40-cpu has not run yet'],
    ] as const)
      assert.equal((await succeeds(...words)).out, `${none}\n`);
  });

  test('work that fails ends with exit code 1, and a BMC that does not answer with 3; what to do is a sentence of its own', async () => {
    const nowhere = ['ipmi_address=127.42.251.251', 'ipmi_username=admin', 'ipmi_password=x'].flatMap((one) => ['--driver-info', one]);
    await succeeds('create', 'gone', '--driver', 'ipmi', ...nowhere);
    const power = await node('power', 'gone', 'on', '--wait');
    assert.equal(power.code, 1, power.err);
    assert.match(power.err, /Power: 127\.42\.251\.251 does not answer IPMI on UDP port 623\. Check power/);
    const early = await node('power', 'gone', 'on', '--wait', '1');
    assert.match(early.err, /still enroll after 1 s, and waits for the BMC to switch the power/);
    const sensors = await node('sensors', 'gone');
    assert.equal(sensors.code, 3, sensors.err);
    assert.match(sensors.err, /does not answer IPMI on UDP port 623\. Check power/);
    const talk = await node('console', 'gone');
    assert.equal(talk.code, 3, talk.err);
    assert.match(talk.err, /does not answer IPMI.*\nnext:  Check power/);
    const fake = await node('console', 'worker');
    assert.equal(fake.code, 1);
    assert.doesNotMatch(fake.err, /another tool/);
  });

  test('who stops a cleaning has succeeded when it is stopped', async () => {
    await succeeds('create', 'stopped', '--driver', 'fake-hardware');
    await succeeds('manage', 'stopped', '--wait');
    await succeeds('clean', 'stopped', '--step', 'power.hold');
    const ended = await node('abort', 'stopped', '--wait');
    assert.equal(ended.code, 0, ended.err);
  });
});

test('the serial console: what the machine prints and what is typed; a second viewer shares it', async () => {
  const [bmc] = fleet.list();
  const info = { ipmi_address: bmc!.address, ipmi_port: bmc!.ipmiPort, ipmi_username: bmc!.username, ipmi_password: bmc!.password };
  await succeeds(
    ...['create', 'talker', '--driver', 'ipmi'],
    ...Object.entries(info).flatMap(([key, value]) => ['--driver-info', `${key}=${String(value)}`]),
  );
  await succeeds('manage', 'talker', '--wait');
  const first = start(['console', 'talker']);
  await until('the console to open', () => first.said.err.includes('is open'));
  await succeeds('power', 'talker', 'on', '--wait');
  await until('the login prompt', () => first.said.out.includes('login:'));
  first.child.stdin.write('hello');
  await until('the echo', () => first.said.out.includes('hello'));
  const second = start(['console', 'talker', '--read-only']);
  await until('the replay', () => second.said.out.includes('hello'));
  for (const { child } of [first, second]) child.stdin.write('\u001d');
  assert.equal((await first.ended).code, 0);
  assert.equal((await second.ended).code, 0);
});
