import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import type { JsonObject } from '../../core/base/json.ts';
import { burnNetwork } from '../../deploy-agent/agent/steps/burnin-network.ts';
import type { StepContext } from '../../deploy-agent/agent/steps/step.ts';

/** Two agents of one machine, over loopback. */
const context = { clock: systemClock, signal: new AbortController().signal, progress() {}, log() {} } as unknown as StepContext;
const burn = (role: string, port: number, more: JsonObject = {}) =>
  burnNetwork({ role, partner: '127.0.0.1', port, seconds: 0.3, ...more }, context);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

test('both send, both check, both tell how fast', async () => {
  const port = await freePort();
  const [reader, writer] = await Promise.all([burn('reader', port), burn('writer', port)]);
  assert.equal(reader['sentBytes'], writer['receivedBytes']);
  assert.equal(writer['sentBytes'], reader['receivedBytes']);
  assert.ok(Number(reader['receivedMbps']) > 0);
});

test('what arrives damaged is named', async () => {
  const port = await freePort();
  const liar = async () => {
    for (;;) {
      const socket = connect({ host: '127.0.0.1', port }).on('error', () => {});
      const isThere = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      if (isThere) return socket.write(Buffer.alloc(64 * 1024, 7));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await Promise.all([assert.rejects(burn('reader', port), /block 0 from 127\.0\.0\.1 came damaged/), liar()]);
});

test('senseless pairings', async () => {
  await assert.rejects(burn('both', 1), /role is reader or writer/);
  await assert.rejects(burn('reader', 1, { partner: 'a b' }), /not an address/);
  await assert.rejects(burn('reader', 70_000), /port is not/);
});
