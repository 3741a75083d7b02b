import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createWebSource, isForbiddable } from './web-source.ts';

test('what is forbidden is not reached: by no spelling of its address, by no name of it, by no redirection to it', async () => {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    if (request.url === '/away') response.writeHead(302, { location: 'http://[::ffff:169.254.169.254]/secrets' }).end();
    else response.end('bytes');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const open = async (forbidden: readonly string[], uri: string) => {
    const { body, sizeBytes } = await createWebSource(forbidden).open(uri);
    let text = '';
    for await (const chunk of body) text += String(chunk);
    return [text, sizeBytes];
  };
  try {
    assert.deepEqual(await open(['169.254.0.0/16'], `http://127.0.0.1:${port}/`), ['bytes', 5]);
    await assert.rejects(open(['169.254.0.0/16'], `http://127.0.0.1:${port}/away`), /may not be downloaded/);
    asked = 0;
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost', 'LOCALHOST'])
      await assert.rejects(open(['127.0.0.0/8', '::1'], `http://${host}:${port}/`), /may not be downloaded/, host);
    await assert.rejects(open(['localhost'], `http://LocalHost.:${port}/`), /may not be downloaded/);
    await assert.rejects(open(['127.0.0.1'], `http://127.0.0.1:${port}/`), /may not be downloaded/);
    assert.equal(asked, 0);
    await assert.rejects(open([], 'ftp://127.0.0.1/'), /Only http and https/);
    await assert.rejects(open([], 'not one'), /is not an address/);
  } finally {
    server.close();
  }
});

test('what can be forbidden', () => {
  for (const one of ['metadata.google.internal', '169.254.169.254', 'fd00:ec2::254', '10.0.0.0/8', 'fe80::/10'])
    assert.ok(isForbiddable(one), one);
  for (const one of ['', 'a b', '10.0.0.0/33', 'name/8', '10.0.0.0/8/8', 'fe80::/x']) assert.ok(!isForbiddable(one), one);
});
