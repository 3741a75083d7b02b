import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';
import { eventually } from './cloud-rig.ts';
import { startOvn, type OvnRig } from './ovn-rig.ts';

/** The thread that carries networks out breaks inside a control plane that goes on: it is started again, and nothing is lost. */
let ovn: OvnRig;
let serve: ServeProcess;
let log = '';
let inspector: string | undefined;
const data = mkdtempSync(join(tmpdir(), 'rackwright-thread-'));
before(async () => {
  ovn = await startOvn();
  const config = join(data, 'rackwright.yaml');
  writeFileSync(config, JSON.stringify({ network: { ovn: { northbound: [ovn.northbound], southbound: [ovn.southbound] } } }));
  // Any free port, once somebody asks for it with SIGUSR1.
  serve = await startServe(join(data, 'data'), { args: ['--config', config], env: { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' } });
  serve.child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
});
after(async () => {
  await serve?.kill('SIGTERM');
  await ovn?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** Runs a text in the thread, as a debugger does: nothing in the product can be asked to break. */
async function inThread(expression: string): Promise<void> {
  if (inspector === undefined) serve.child.kill('SIGUSR1');
  await eventually('the inspector listens', async () => (inspector ??= /Debugger listening on (ws:\S+)/.exec(log)?.[1]) !== undefined);
  const socket = new WebSocket(inspector!);
  await once(socket, 'open');
  const attached = new Promise<string>((resolve) => {
    socket.addEventListener('message', ({ data: said }) => {
      const { method, params } = JSON.parse(String(said)) as {
        method?: string;
        params?: { sessionId: string; workerInfo?: { title: string } };
      };
      if (method === 'NodeWorker.attachedToWorker' && params?.workerInfo?.title.includes('networks')) resolve(params.sessionId);
    });
  });
  socket.send(JSON.stringify({ id: 1, method: 'NodeWorker.enable', params: { waitForDebuggerOnStart: false } }));
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
  socket.send(JSON.stringify({ id: 2, method: 'NodeWorker.sendMessageToWorker', params: { sessionId: await attached, message } }));
  await eventually('the thread is told to be gone', async () => (await waiting()).some((what) => what.includes('its thread')));
  socket.close();
}

const waiting = async () =>
  ((await serve.call('GET', '/healthz')).body['waiting'] as unknown as { what: string }[]).map(({ what }) => what);
async function network(): Promise<string> {
  const { status, body } = await serve.call('POST', '/networking/v2.0/networks', { network: { project_id: 'anyone' } });
  assert.equal(status, 201, JSON.stringify(body));
  return (body['network'] as { id: string }).id;
}
const switches = () => ovn.nbctl('--bare', '--columns=name', 'list', 'Logical_Switch');
const carriedOut = (id: string) => eventually(`${id} is in OVN`, async () => (await switches()).includes(id));

for (const [how, expression, told] of [
  ['throws', "setImmediate(() => { throw new Error('broken on purpose') })", /broken on purpose/],
  ['ends', 'setImmediate(() => process.exit(3))', /ended and is started again/],
] as const)
  test(`a thread that ${how} is told, started again, and carries out what came meanwhile`, async () => {
    await carriedOut(await network());
    log = '';
    await inThread(expression);
    const made = await network();
    await carriedOut(made);
    assert.match(log, /the thread that carries networks out/);
    assert.match(log, told);
    await eventually('nothing is waited for', async () => (await waiting()).length === 0);
    assert.match(await (await fetch(`${serve.endpoint}/metrics`)).text(), /^rackwright_network_failures [1-9]/m);
  });

test('a control plane that ends while its thread is away ends at once', async () => {
  await inThread('setImmediate(() => process.exit(3))');
  assert.equal(await serve.kill('SIGTERM'), 0);
});
