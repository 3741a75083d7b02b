import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { BmcError } from '../../bmc/capability.ts';
import { createCertificateAuthority } from '../../core/base/certificate-authority.ts';
import { decodeCertificateRequest, encodeCertificateRequest } from '../../core/base/certificate-request-codec.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { Secret } from '../../core/base/secret.ts';
import { createTlsIdentity } from '../../core/base/tls-identity.ts';
import { VENDOR_PROFILES } from '../../lab/bmc/vendor-profile.ts';
import { PASSWORD, redfishAddress, run, soon, startConnector, startRig, USERNAME } from './bmc-rig.ts';

for (const profile of VENDOR_PROFILES)
  test(`${profile.name}: its certificate is shown, and replaced for new connections`, async () => {
    const rig = await startRig(['redfish'], { profile });
    const { connector } = startConnector();
    try {
      const address = redfishAddress(rig.bmc.redfishPort!);
      const bmc = connector.connect([address]);
      const next = createTlsIdentity('next', Date.now());
      const before = await bmc.certificate(soon());
      assert.match(before.subject, /CN=emulated-bmc/);
      await bmc.replaceCertificate({ certificate: { pem: next.certificatePem }, key: new Secret(next.keyPem) }, soon());
      const pinned = connector.connect([{ ...address, trust: next.certificatePem }]);
      assert.match((await pinned.certificate(soon())).subject, /CN=next/);
      const old = connector.connect([{ ...address, trust: before.pem }]);
      await assert.rejects(old.powerState(soon()), (error) => error instanceof BmcError && /not trusted/.test(error.message));
      const shown = await run('curl', ['-skv', `https://127.0.0.1:${rig.bmc.redfishPort}/redfish/v1/`, '--stderr', '-']);
      assert.match(shown, /subject: CN=next/);
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });

for (const profile of VENDOR_PROFILES)
  test(`${profile.name}: it asks for a certificate of its own key, in whatever way it can`, async () => {
    const rig = await startRig(['redfish'], { profile });
    const { connector } = startConnector();
    try {
      const address = redfishAddress(rig.bmc.redfishPort!);
      const bmc = connector.connect([address]);
      if (profile.keys?.ways?.length === 0) {
        await assert.rejects(bmc.requestCertificate(['127.0.0.1'], soon()), /has no signing requests/);
        return;
      }
      const request = decodeCertificateRequest(await bmc.requestCertificate(['127.0.0.1'], soon()));
      assert.ok(!isMalformed(request));
      const pem = createCertificateAuthority(createTlsIdentity('authority', Date.now())).sign(request, ['127.0.0.1'], Date.now(), 7);
      await bmc.replaceCertificate({ certificate: { pem } }, soon());
      const pinned = connector.connect([{ ...address, trust: pem }]);
      assert.match((await pinned.certificate(soon())).issuer, /CN=authority/);
      const stranger = createCertificateAuthority(createTlsIdentity('authority', Date.now())).sign(request, ['127.0.0.1'], Date.now(), 7);
      await assert.rejects(connector.connect([{ ...address, trust: stranger }]).powerState(soon()), /not trusted/);
      const others = decodeCertificateRequest(
        encodeCertificateRequest({ commonName: 'x', hosts: [] }, generateKeyPairSync('ec', { namedCurve: 'P-256' })),
      );
      assert.ok(!isMalformed(others));
      const foreign = createCertificateAuthority(createTlsIdentity('authority', Date.now())).sign(others, ['127.0.0.1'], Date.now(), 7);
      await assert.rejects(bmc.replaceCertificate({ certificate: { pem: foreign } }, soon()), /HTTP 400/);
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });

test('what is no certificate with its key is refused', async () => {
  const rig = await startRig(['redfish']);
  const { connector } = startConnector();
  try {
    const bmc = connector.connect([redfishAddress(rig.bmc.redfishPort!)]);
    const [one, other] = [createTlsIdentity('one', Date.now()), createTlsIdentity('other', Date.now())];
    const attempts = [
      [one.certificatePem, other.keyPem, /not that of the certificate/],
      ['', one.keyPem, /no certificate with its private key/],
      [one.certificatePem.replace(/[A-Z]{8}/, 'AAAAAAAA'), one.keyPem, /HTTP 400/],
    ] as const;
    for (const [pem, key, words] of attempts)
      await assert.rejects(bmc.replaceCertificate({ certificate: { pem }, key: new Secret(key) }, soon()), words);
    const place = `https://127.0.0.1:${rig.bmc.redfishPort}/redfish/v1/CertificateService/CertificateLocations`;
    const text = await run('curl', ['-sk', '-u', `${USERNAME}:${PASSWORD}`, place]);
    assert.match(text, /NetworkProtocol\/HTTPS\/Certificates\/1/);
  } finally {
    await connector.close();
    await rig.bmc.stop();
  }
});
