import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createMetadataProxy } from '../../api/metadata-proxy.ts';
import { createMetadataServer } from '../../api/metadata-server.ts';
import { silentLogger } from '../../core/base/logger.ts';
import { createTlsIdentity } from '../../core/base/tls-identity.ts';
import { fingerprintOf } from '../switch/fingerprint.ts';

/** Between a host and the service documents go by TLS, and to nobody but the one whose certificate is known. */
const NETWORK = '7b0f6c3e-0000-4000-8000-000000000001';
const secret = 'between hosts and service';
const logger = silentLogger;
const servers: Server[] = [];
const asked: string[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

const tls = createTlsIdentity('127.0.0.1', Date.now());
const service = await listening(
  createMetadataServer({
    ofAddress: async () => undefined,
    ofProxy: async () => undefined,
    ofMachine: async (network, machine) => void asked.push(`${network} ${machine}`),
    proxySecret: secret,
    proxiesOnly: true,
    tls,
    logger,
  }),
);

async function statusBy(url: string, trust: { certificateSha256?: string; ca?: string }): Promise<number> {
  const proxy = createMetadataProxy({ networkId: NETWORK, service: url, trust, secret, macOf: async () => undefined, logger });
  return (await fetch(`http://127.0.0.1:${await listening(proxy)}/latest/meta-data/`)).status;
}

test('a host whose service shows the certificate that is pinned, or one of the CA, is answered', async () => {
  for (const trust of [{ certificateSha256: fingerprintOf(tls.certificatePem) }, { ca: tls.certificatePem }]) {
    // Nobody's machine: the service has looked.
    assert.equal(await statusBy(`https://127.0.0.1:${service}`, trust), 404);
    assert.equal(asked.pop(), `${NETWORK} 127.0.0.1`);
  }
});

test('somebody else learns nothing of who asks', async () => {
  const other = createTlsIdentity('127.0.0.1', Date.now()).certificatePem;
  for (const [url, trust] of [
    ['https', { certificateSha256: fingerprintOf(other) }],
    ['https', { ca: other }],
    ['https', {}],
    ['http', {}],
  ] as const)
    assert.equal(await statusBy(`${url}://127.0.0.1:${service}`, trust), 503, `${url} ${JSON.stringify(trust).slice(0, 30)}`);
  assert.deepEqual(asked, []);
});
