import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isOfThisHost, readConfiguration } from '../configuration.ts';

async function serviceOf(service: string): Promise<string | undefined> {
  const data = mkdtempSync(join(tmpdir(), 'rackwright-configuration-'));
  try {
    writeFileSync(join(data, 'c.yaml'), JSON.stringify({ metadata: { proxy_secret_file: 'x', hypervisor: { service } } }));
    return (await readConfiguration({ data, config: join(data, 'c.yaml') }, {})).metadata.hypervisor?.service;
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

test('metadata leaves a host by TLS only', async () => {
  for (const service of ['https://192.0.2.1:8775', 'http://127.0.0.1:8775', 'http://[::1]:8775', 'unix:/run/metadata'])
    assert.equal(await serviceOf(service), service);
  for (const service of ['http://192.0.2.1:8775', 'http://127.0.0.1.example.com', 'ftp://127.0.0.1'])
    await assert.rejects(serviceOf(service), service);
  const places = ['127.0.0.1:1', 'localhost:1', '0.0.0.0:1', '192.0.2.1:1', 'unix:/x'];
  assert.deepEqual(places.map(isOfThisHost), [true, true, false, false, true]);
});
