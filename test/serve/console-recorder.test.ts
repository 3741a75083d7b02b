import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocket } from 'undici';
import type { JsonObject } from '../../core/base/json.ts';
import { startBmcFleet, type BmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** A console that nobody looks at is recorded: what it tells of a boot is an event, a reason, and the end of a wait. */
const data = mkdtempSync(join(tmpdir(), 'rackwright-recorder-'));
const program = join(import.meta.dirname, '../../cli/rackwright.ts');
const NODE = '/baremetal/v1/nodes/talker';
/** A node is found by its name. */
const LATEST = { 'x-openstack-ironic-api-version': 'latest' };
let serve: ServeProcess;
let fleet: BmcFleet;

async function until<Value>(what: string, look: () => Promise<Value | undefined | false>): Promise<Value> {
  for (let tries = 0; tries < 600; tries += 1) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited for ${what}`);
}
const get = async (path: string): Promise<JsonObject> => (await serve.call('GET', `${NODE}${path}`)).body;
const put = async (path: string, body: JsonObject): Promise<void> => {
  const { status, body: answer } = await serve.call('PUT', `${NODE}${path}`, body);
  assert.ok(status < 300, `${path}: ${status} ${JSON.stringify(answer)}`);
};
const recorded = async (): Promise<string> => String((await get('/console/recorded'))['text'] ?? '');
const sessions = async (): Promise<number> => (await recorded()).split('the recorder has the console').length - 1;
/** Faults: that the emulated machine asks for a login is none. */
const findings = async (): Promise<JsonObject[]> =>
  ((await get('/timeline'))['events'] as JsonObject[]).filter(({ kind, severity }) => kind === 'console.finding' && severity !== 'info');
const patterns = async (): Promise<unknown[]> => (await findings()).map((event) => (event['evidence'] as JsonObject)['pattern']);
const prints = (text: string): void => fleet.members[0]!.machine.console.write(Buffer.from(text));
const power = async (target: string): Promise<void> => {
  const before = fleet.members[0]!.machine.boots.length;
  await put('/states/power', { target });
  await until(target, async () => fleet.members[0]!.machine.boots.length > before && (await get('/states'))['target_power_state'] === null);
};
/** The call of the last power-on is in the timeline: what follows belongs to this boot. */
const powerOns = async (): Promise<number> =>
  ((await get('/timeline'))['events'] as JsonObject[]).filter(
    ({ kind, evidence }) => kind === 'bmc.power' && ['on', 'cycle', 'reset'].includes(String((evidence as JsonObject)['argument'])),
  ).length;

before(async () => {
  fleet = await startBmcFleet({ count: 1, firstAddress: `127.45.${process.pid % 250}.1`, protocol: 'ipmi', ipmiPort: 6237 });
  serve = await startServe(data);
  const [bmc] = fleet.list();
  const info = { ipmi_address: bmc!.address, ipmi_port: bmc!.ipmiPort, ipmi_username: bmc!.username, ipmi_password: bmc!.password };
  await serve.call('POST', '/baremetal/v1/nodes', { driver: 'ipmi', name: 'talker', driver_info: info });
  await put('/states/provision', { target: 'manage' });
  await until('manageable', async () => (await get(''))['provision_state'] === 'manageable');
});
after(async () => {
  await serve?.kill('SIGTERM');
  await fleet?.stop();
  rmSync(data, { recursive: true, force: true });
});

test('nothing is recorded before somebody asks for it', async () => {
  assert.equal((await serve.call('GET', `${NODE}/console/recorded`)).status, 404);
  assert.deepEqual(await get('/states/console'), { console_enabled: false, console_info: null });
  await put('/states/console', { enabled: true });
  await until('the recorder', async () => (await sessions()) === 1);
  const { console_info: info } = await get('/states/console');
  assert.match(String((info as JsonObject)['url']), /^ws:.*\/console$/);
});

test('a panic is one event of its power-on, the reason in `explain`, and text in a file of the owner', async () => {
  await power('power on');
  await until('the power-on in the timeline', async () => (await powerOns()) === 1);
  prints('[ 1.0] Loading\r\n\u001b[31m[ 2.1] Kernel pan');
  prints('ic - not syncing: VFS: Unable to mount root fs\u001b[0m\r\n');
  await until('the finding', async () => (await findings()).length === 1);
  const explained = await get('/explain');
  assert.match(String(explained['summary']), /Its console told: The kernel panicked: "\[ 2\.1\] Kernel panic - not syncing: VFS/);
  assert.equal((explained['console_finding'] as JsonObject)['pattern'], 'kernel-panic');

  prints('Kernel panic - not syncing: again\r\nPXE-E61: Media test failure, check cable\r\n');
  await until('the second finding', async () => (await patterns()).includes('pxe-e61'));
  assert.deepEqual(await patterns(), ['kernel-panic', 'pxe-e61'], 'once for each power-on');

  const { stdout } = await promisify(execFile)(process.execPath, [program, 'node', 'console', 'talker', '--recorded', '--data', data]);
  assert.match(stdout, /Kernel panic - not syncing: again/);
  for (const name of readdirSync(join(data, 'consoles'))) assert.equal(statSync(join(data, 'consoles', name)).mode & 0o777, 0o600);

  await power('rebooting');
  await until('the reboot in the timeline', async () => (await powerOns()) === 2 || (await powerOns()) === 3);
  assert.equal((await get('/explain'))['console_finding'], null, 'a new power-on, a clean sheet');
  prints('Kernel panic - not syncing: and again\r\n');
  await until('the finding of this power-on', async () => (await findings()).length === 3);
});

test('a person gets the console that the recorder holds, and the recorder has it back', async () => {
  const before = await sessions();
  const socket = new WebSocket(`${serve.endpoint.replace(/^http/, 'ws')}${NODE}/console`, { headers: { ...serve.headers, ...LATEST } });
  socket.binaryType = 'arraybuffer';
  let seen = '';
  socket.addEventListener('message', ({ data: bytes }) => {
    seen += typeof bytes === 'string' ? bytes : Buffer.from(bytes as ArrayBuffer).toString();
  });
  await until('the console to open', async () => seen.includes('"open"'));
  socket.send(Buffer.from('hello'));
  await until('the echo', async () => seen.includes('hello'));
  const closed = once(socket, 'close');
  socket.close(1000);
  await closed;
  await until('the recorder', async () => (await sessions()) === before + 1);
  prints('\r\ngrub rescue> ');
  await until('the prompt', async () => (await patterns()).includes('grub-rescue'));
  const text = await recorded();
  assert.match(text, /a person takes the console/);
  assert.ok(!text.includes('hello'), 'what a person does is theirs');
});

test('a flow that waits for the agent fails with what the console says', async () => {
  const boots = fleet.members[0]!.machine.boots.length;
  await put('/states/provision', { target: 'inspect' });
  await until('the boot', async () => fleet.members[0]!.machine.boots.length > boots);
  await until('the wait', async () => /agent to boot/.test(JSON.stringify((await get('/explain'))['waiting_for'])));
  prints('\r\nNo bootable device.\r\n');
  const failed = await until('the failure', async () => {
    const node = await get('');
    return node['provision_state'] === 'inspect failed' && node;
  });
  assert.match(String(failed['last_error']), /The firmware found nothing to boot: "No bootable device\."/);
});

test('without its console enabled a node is not recorded any more', async () => {
  await put('/states/console', { enabled: false });
  const socket = new WebSocket(`${serve.endpoint.replace(/^http/, 'ws')}${NODE}/console`, { headers: { ...serve.headers, ...LATEST } });
  await once(socket, 'message');
  socket.close(1000);
  assert.equal((await get('/states/console'))['console_info'], null);
});
