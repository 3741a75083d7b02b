import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Agent, request } from 'undici';
import type { JsonObject } from '../../core/base/json.ts';
import { startBmcFleet, type BmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { findProfile } from '../../lab/bmc/vendor-profile.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** Power is known as it changes: the poll of this installation comes once an hour. */
const data = mkdtempSync(join(tmpdir(), 'rackwright-events-'));
const LATEST = { 'x-openstack-ironic-api-version': 'latest' };
const network = process.pid % 250;
const ENDPOINT = `127.45.${network}.100:8443`;
const settings = (place: number) =>
  ({
    count: 1,
    firstAddress: `127.45.${network}.${place}`,
    protocol: 'redfish',
    redfishPort: 8443,
    username: 'admin',
    password: 'tells-itself',
  }) as const;
let serve: ServeProcess;
let streams: BmcFleet;
let posts: BmcFleet;
const never = new Agent({ connect: { rejectUnauthorized: false } });

async function until<Result>(what: string, look: () => Promise<Result | undefined | false>): Promise<Result> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited for ${what}`);
}
const get = async (path: string) => (await serve.call('GET', `/baremetal/v1/nodes/${path}`, undefined, LATEST)).body;
const powerIs = (name: string, power: string) => until(`${name} ${power}`, async () => (await get(name))['power_state'] === power);
const knownBy = (name: string, words: RegExp) =>
  until(`${name}: ${words}`, async () => words.test(String((await get(`${name}/explain`))['power_known'])));
const timeline = async (name: string) => (await get(`${name}/timeline?limit=5000`))['events'] as JsonObject[];

async function enroll(name: string, fleet: BmcFleet) {
  const [bmc] = fleet.list();
  const info = { redfish_address: bmc!.redfish, redfish_username: bmc!.username, redfish_password: bmc!.password };
  await serve.call('POST', '/baremetal/v1/nodes', { driver: 'redfish', name, driver_info: info }, LATEST);
  await serve.call('PUT', `/baremetal/v1/nodes/${name}/states/provision`, { target: 'manage' }, LATEST);
  await until('manageable', async () => (await get(name))['provision_state'] === 'manageable');
}

before(async () => {
  streams = await startBmcFleet(settings(1));
  posts = await startBmcFleet({ ...settings(2), profile: findProfile('supermicro')! });
  writeFileSync(join(data, 'config.json'), JSON.stringify({ power_sync_seconds: 3600, bmc_events: { listen: ENDPOINT } }));
  serve = await startServe(data, { args: ['--config', join(data, 'config.json')] });
});
after(async () => {
  await serve?.kill('SIGTERM');
  await Promise.all([streams?.stop(), posts?.stop(), never.close()]);
  rmSync(data, { recursive: true, force: true });
});

test('a BMC with a stream is listened to; one that goes away is read again, and listened to when it is back', async () => {
  await enroll('streams', streams);
  await knownBy('streams', /event stream since/);
  streams.members[0]!.bmc.state.control('on');
  await powerIs('streams', 'power on');
  const told = await until('the event', async () =>
    (await timeline('streams')).find((event) => /PoweredOn/.test(JSON.stringify(event['evidence']))),
  );
  assert.equal(told['kind'], 'bmc.told');

  await streams.stop();
  await knownBy('streams', /at intervals/);
  streams = await startBmcFleet(settings(1));
  await knownBy('streams', /event stream since/);
  await powerIs('streams', 'power off');
});

test('a BMC without a stream posts; a stranger is turned away, and so is who knows the way but not the word', async () => {
  const { events } = posts.members[0]!.bmc.state;
  const foreign = events.subscribe({ destination: 'https://192.0.2.1/', context: 'somebody', registryPrefixes: [], headers: {} });
  await enroll('posts', posts);
  await knownBy('posts', /it posts since/);
  posts.members[0]!.bmc.state.control('on');
  await powerIs('posts', 'power on');

  const [kept, ours] = events.subscriptions();
  assert.equal(kept!.id, foreign!.id);
  const post = async (url: string, body: object, method = 'POST') => {
    const reply = await request(url, {
      method,
      dispatcher: never,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await reply.body.dump();
    return reply.statusCode;
  };
  const lie = { Events: [{ EventId: '99', MessageId: 'ResourceEvent.1.3.ResourcePoweredOff', Message: 'a lie' }] };
  assert.equal(await post(`https://${ENDPOINT}/`, lie), 404);
  assert.equal(
    await post(
      ours!.destination.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
      { ...lie, Context: ours!.context },
    ),
    404,
  );
  assert.equal(await post(ours!.destination, lie), 404, 'without the context');
  assert.equal(await post(ours!.destination, { ...lie, Context: ours!.context }, 'PUT'), 405);
  assert.equal(await post(ours!.destination, { Context: ours!.context }), 400);
  assert.equal(await post(ours!.destination, { ...lie, Filler: 'x'.repeat(300_000) }), 413);
  assert.equal((await get('posts'))['power_state'], 'power on');
  assert.ok(!(await timeline('posts')).some((event) => event['message'] === 'a lie'));
});

test('who subscribed before and was killed is forgotten, and the BMC has one subscription of ours', async () => {
  await serve.kill('SIGKILL');
  serve = await startServe(data, { args: ['--config', join(data, 'config.json')] });
  posts.members[0]!.bmc.state.control('off');
  await powerIs('posts', 'power off');
  await knownBy('posts', /it posts since/);
  assert.equal(posts.members[0]!.bmc.state.events.subscriptions().length, 2);
});
