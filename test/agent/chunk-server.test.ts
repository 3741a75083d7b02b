import assert from 'node:assert/strict';
import { Agent, createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { startChunkServer } from '../../deploy-agent/agent/image/spread/chunk-server.ts';
import { ask } from '../../deploy-agent/agent/image/spread/spread-request.ts';

const { signal } = new AbortController();
const CALL = { signal, timeoutMs: 10_000, bytesMax: 1000 };

test('a whole rack keeps its connections to one machine, and none is turned away', async () => {
  const server = await startChunkServer((index) => Buffer.from(`chunk ${index}`));
  const agents = Array.from({ length: 40 }, () => new Agent({ keepAlive: true }));
  const url = new URL(`http://127.0.0.1:${server.port}/${server.key}/7`);
  for (let round = 0; round < 2; round += 1) {
    const replies = await Promise.all(agents.flatMap((agent) => [ask(url, { ...CALL, agent }), ask(url, { ...CALL, agent })]));
    assert.deepEqual(new Set(replies.map(({ body }) => body.toString())), new Set(['chunk 7']));
  }
  for (const agent of agents) agent.destroy();
  server.close();
});

test('a kept connection that the other side has closed says nothing of it: asked again', async () => {
  let connections = 0;
  const server = createServer((_, response) => response.end('here'));
  server.on('connection', () => (connections += 1));
  const listening = once(server, 'listening');
  server.listen(0, '127.0.0.1');
  await listening;
  // Kept for ever on this side.
  const agent = new Agent({ keepAlive: true });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  assert.equal((await ask(url, { ...CALL, agent })).body.toString(), 'here');
  // It hangs up at the next request, as one whose patience has just ended.
  server.removeAllListeners('request');
  server.on('request', (request, response) => (connections === 1 ? request.socket.destroy() : response.end('again')));
  assert.equal((await ask(url, { ...CALL, agent })).body.toString(), 'again');
  assert.equal(connections, 2);
  agent.destroy();
  server.close();
});
