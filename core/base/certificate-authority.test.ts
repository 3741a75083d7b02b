import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCertificateAuthority } from './certificate-authority.ts';
import { decodeCertificateRequest, encodeCertificateRequest } from './certificate-request-codec.ts';
import { isMalformed } from './malformed.ts';
import { createMutator, MUTATE_ROUNDS } from './mutate-packets.ts';
import { createTlsIdentity } from './tls-identity.ts';

/** OpenSSL in either's place: it makes authorities and requests, and judges ours. */
const folder = mkdtempSync(join(tmpdir(), 'rackwright-ca-'));
after(() => rmSync(folder, { recursive: true }));
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const NEW_KEYS = {
  'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'RSA 2048': ['-newkey', 'rsa:2048'],
  Ed25519: ['-newkey', 'ed25519'],
} as const;
const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const NOW = Date.now();
const HOSTS = ['10.1.2.3', 'bmc-7.example.com', 'fd00::7:0:1'];

function authorityOf(kind: keyof typeof NEW_KEYS) {
  openssl(
    'req',
    '-x509',
    '-nodes',
    ...NEW_KEYS[kind],
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '90',
    '-subj',
    '/O=Rack & Söhne/CN=CA',
    '-utf8',
    '-addext',
    'keyUsage=critical,keyCertSign',
  );
  return createCertificateAuthority({ certificatePem: read('ca.pem'), keyPem: read('ca.key') });
}
function requestOf(kind: keyof typeof NEW_KEYS): string {
  openssl('req', '-new', '-nodes', ...NEW_KEYS[kind], '-keyout', 'bmc.key', '-out', 'bmc.csr', '-subj', '/CN=whatever it says');
  return read('bmc.csr');
}

for (const [authorityKind, requestKind] of [
  ['P-256', 'RSA 2048'],
  ['P-384', 'P-256'],
  ['RSA 2048', 'P-384'],
  ['Ed25519', 'Ed25519'],
] as const)
  test(`an authority with ${authorityKind} signs for ${requestKind}, and OpenSSL is content`, () => {
    const authority = authorityOf(authorityKind);
    const request = decodeCertificateRequest(requestOf(requestKind));
    assert.ok(!isMalformed(request));
    const pem = authority.sign(request, HOSTS, NOW, 365);
    writeFileSync(join(folder, 'bmc.pem'), pem);
    assert.match(
      openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-verify_ip', '10.1.2.3', '-CAfile', 'ca.pem', 'bmc.pem'),
      /OK/,
    );
    assert.match(openssl('verify', '-verify_hostname', 'bmc-7.example.com', '-CAfile', 'ca.pem', 'bmc.pem'), /OK/);
    assert.match(openssl('verify', '-verify_ip', 'fd00::7:0:1', '-CAfile', 'ca.pem', 'bmc.pem'), /OK/);
    assert.throws(() => openssl('verify', '-verify_hostname', 'whatever it says', '-CAfile', 'ca.pem', 'bmc.pem'));
    const made = new X509Certificate(pem);
    assert.equal(made.validToDate.getTime(), authority.validUntilMs, 'no longer than who signed it');
    assert.equal(openssl('pkey', '-in', 'bmc.key', '-pubout'), made.publicKey.export({ type: 'spki', format: 'pem' }));
  });

test('our own authority, and a request that we made', () => {
  const own = createTlsIdentity('rackwright-bmcs', NOW);
  writeFileSync(join(folder, 'own.pem'), own.certificatePem);
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const csr = encodeCertificateRequest({ commonName: 'bmc', hosts: HOSTS }, keys);
  writeFileSync(join(folder, 'ours.csr'), csr);
  assert.match(
    openssl('req', '-in', 'ours.csr', '-noout', '-verify', '-text'),
    /IP Address:10\.1\.2\.3, DNS:bmc-7\.example\.com, IP Address:FD00:0:0:0:0:7:0:1/i,
  );
  const request = decodeCertificateRequest(csr);
  assert.ok(!isMalformed(request));
  writeFileSync(join(folder, 'ours.pem'), createCertificateAuthority(own).sign(request, ['bmc'], NOW, 10));
  assert.match(openssl('verify', '-CAfile', 'own.pem', 'ours.pem'), /OK/);
});

test('what is no authority, and what is no request, is said to be so', () => {
  const authority = createTlsIdentity('one', NOW);
  const other = createTlsIdentity('other', NOW);
  authorityOf('P-256');
  const request = decodeCertificateRequest(requestOf('P-256'));
  assert.ok(!isMalformed(request));
  const leaf = createCertificateAuthority({ certificatePem: read('ca.pem'), keyPem: read('ca.key') }).sign(request, ['x'], NOW, 1);
  for (const [certificatePem, keyPem, words] of [
    [authority.certificatePem, other.keyPem, /key is not that of the certificate/],
    [leaf, read('bmc.key'), /not that of an authority/],
    ['', authority.keyPem, /no certificate in PEM/],
  ] as const)
    assert.throws(() => createCertificateAuthority({ certificatePem, keyPem }), words);
  openssl('req', '-new', '-nodes', '-newkey', 'rsa:1024', '-keyout', 'weak.key', '-out', 'weak.csr', '-subj', '/CN=x');
  const weak = decodeCertificateRequest(read('weak.csr'));
  assert.ok(isMalformed(weak));
  assert.match(weak.reason, /less than 2048 bits/);
});

test('mutated requests are values; one with another key than it is signed with is none', () => {
  const golden = [requestOf('P-256'), requestOf('RSA 2048')].map((pem) => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'));
  const decode = (bytes: Buffer) =>
    decodeCertificateRequest(`-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`);
  for (const each of golden) assert.ok(!isMalformed(decode(each)));
  const mutator = createMutator(golden, 10);
  let malformed = 0;
  for (let round = 0; round < MUTATE_ROUNDS; round += 1) if (isMalformed(decode(mutator.next()))) malformed += 1;
  assert.ok(malformed > MUTATE_ROUNDS / 2, `${malformed} of ${MUTATE_ROUNDS} were malformed`);
});
