import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAdministrator } from '../commands/openrc-command.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { loginBasic } from './api-client.ts';

/** What a script can tell from the end of a command, whatever is at the other end. */
const ends = (exitCode: number, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CommandError);
  assert.equal(error.exitCode, exitCode, error.message);
  assert.match(`${error.message}\n${error.nextAction ?? ''}`, words);
  return true;
};
const fault = (words: string) => JSON.stringify({ error_message: JSON.stringify({ faultstring: words }) });

test('a refusal is a failure, silence of a device or of the control plane is told apart, and a foreign server is named', async () => {
  const answers: Readonly<Record<string, readonly [status: number, body: string]>> = {
    '/v1/refused': [409, fault('it is locked')],
    '/v1/silent': [503, fault('10.0.0.5 does not answer. Check the cable.')],
    '/v1/proxy': [502, '<html>bad gateway'],
    '/v1/foreign': [200, '<html>a printer'],
  };
  const server = createServer(({ url = '' }, response) => response.writeHead(answers[url]![0]).end(answers[url]![1]));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = loginBasic({ endpoint, username: 'a', password: 'b' });
  try {
    await assert.rejects(client.call('GET', '/refused'), ends(EXIT_CODE.failed, /it is locked/));
    await assert.rejects(client.call('GET', '/silent'), ends(EXIT_CODE.unreachable, /Check the cable/));
    await assert.rejects(client.call('GET', '/proxy'), ends(EXIT_CODE.unreachable, /answered 502/));
    await assert.rejects(client.call('GET', '/foreign'), ends(EXIT_CODE.unreachable, /is no bare metal service\ncheck the address/));
  } finally {
    server.closeAllConnections();
    server.close();
  }
  await assert.rejects(client.call('GET', '/gone'), ends(EXIT_CODE.unreachable, /no answer from .*\nis `rackwright serve` running/));
});

test('a data folder that nobody has used, and one that is not to be read', async () => {
  const data = mkdtempSync(join(tmpdir(), 'rackwright-data-'));
  try {
    await assert.rejects(readAdministrator(data), ends(EXIT_CODE.unreachable, /no control plane has run .*\nstart one/));
    // Root may read everything: another error stands for EACCES.
    mkdirSync(join(data, 'administrator.json'));
    await assert.rejects(readAdministrator(data), ends(EXIT_CODE.failed, /can not be read: EISDIR.*\nbe the user/));
  } finally {
    rmSync(data, { recursive: true });
  }
});
