import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { loadLinuxCalls, type LinuxCalls } from '../base/linux-calls.ts';
import { sendFile } from './kernel-file-sender.ts';

const TCP_CORK = 3;
const IPPROTO_TCP = 6;

async function serveFile(t: TestContext, system: LinuxCalls, bytes: Buffer) {
  const directory = await mkdtemp(join(tmpdir(), 'kernel-file-sender-'));
  await writeFile(join(directory, 'file'), bytes);
  const file = await open(join(directory, 'file'));
  const server = createServer(async (_, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    await sendFile(system, response, file, 0, bytes.length);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await file.close();
    await rm(directory, { recursive: true });
  });
  return server.address();
}

const system = loadLinuxCalls();

test('full frames leave while a file is sent, and its rest when it ends', { skip: system === undefined }, async (t) => {
  const corks: number[] = [];
  const watched: LinuxCalls = {
    ...system!,
    setsockopt(fd, level, name, value) {
      if (level === IPPROTO_TCP && name === TCP_CORK) corks.push(value.readInt32LE(0));
      system!.setsockopt(fd, level, name, value);
    },
  };
  const bytes = Buffer.alloc((3 << 20) + 1, 'some of a file');
  const address = await serveFile(t, watched, bytes);
  const answer = await fetch(`http://127.0.0.1:${(address as AddressInfo).port}/`);
  assert.ok(bytes.equals(Buffer.from(await answer.arrayBuffer())));
  assert.deepEqual(corks, [1, 0]);
});
