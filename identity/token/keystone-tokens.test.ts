import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { openFernet, sealFernet } from './fernet-codec.ts';
import { packPayload, unpackPayload, type TokenPayload } from './token-payload-codec.ts';

/** Made by Keystone 22's own formatter with key 00…1f, IV 00…0f, at 1700000000. Frozen: do not edit, add. */
const KEY = Buffer.from(Array.from({ length: 32 }, (_value, at) => at));
const IV = KEY.subarray(0, 16);
const SECONDS = 1_700_000_000;
const USER = '0123456789abcdef0123456789abcdef';
const PROJECT = 'fedcba9876543210fedcba9876543210';
const OTHER = '00112233445566778899aabbccddeeff';
const ONE = ['AAECAwQFBgcICQoLDA0ODw'];
const TWO = [...ONE, 'EBESExQVFhcYGRobHB0eHw'];
const expiresAtMs = Date.parse('2026-11-24T12:00:00Z');

const VECTORS: readonly { what: string; said: Omit<TokenPayload, 'expiresAtMs'>; payload: string; token: string }[] = [
  {
    what: 'UnscopedPayload',
    said: { userId: USER, methods: ['password'], auditIds: ONE, scope: { kind: 'unscoped' } },
    payload: '950092c3c4100123456789abcdef0123456789abcdef02cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD7z89wY20ZMdYIv5Ujo321Nj3ioGzxruwKouXCeU3PS8BvX0VnMU4arzfXIuCwk-MsMe-MKzyohkPSLy86c-D650rNYfbjG8QTVPJmq80-Gqn-bFuyQhqtDmI63p6KjATw',
  },
  {
    what: 'DomainScopedPayload',
    said: { userId: USER, methods: ['password'], auditIds: ONE, scope: { kind: 'domain', id: 'default' } },
    payload: '960192c3c4100123456789abcdef0123456789abcdef02a764656661756c74cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD2EBWdD1Zxio9wvYc1VK3y1RRCwQnYEuXVQKR-5Peq5IW2wclJHVhCb3I6C6rUdMWzcJnDgglCx8EgYr8sxj725AEhP-JGMD6_whYXF58R1QaJ9clf-TYfHIoOGgVDHPmQ',
  },
  {
    what: 'DomainScopedPayload',
    said: { userId: USER, methods: ['password', 'token'], auditIds: TWO, scope: { kind: 'domain', id: PROJECT } },
    payload:
      '960192c3c4100123456789abcdef0123456789abcdef06c410fedcba9876543210fedcba9876543210cb41dac15f1000000092c410000102030405060708090a0b0c0d0e0fc410101112131415161718191a1b1c1d1e1f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD2EBWdD1Zxio9wvYc1VK3y3AW0QD-AdMdWLkHvUeg7cK0HbiIJ_1eBpaSpvKvdvLs9u539mZTJjgbB6eIk_36Pnew5NIeQDbp3xcabgkRX6U0Io_27A0XJ3L5YZpmODGzHRUxGug6zfcHauYNTbQExW5hqiXl2zPZkPMhnsJtUJb',
  },
  {
    what: 'ProjectScopedPayload',
    said: { userId: USER, methods: ['password', 'token'], auditIds: TWO, scope: { kind: 'project', id: PROJECT } },
    payload:
      '960292c3c4100123456789abcdef0123456789abcdef0692c3c410fedcba9876543210fedcba9876543210cb41dac15f1000000092c410000102030405060708090a0b0c0d0e0fc410101112131415161718191a1b1c1d1e1f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD_dw0x57ONbK4JeO4YDXq1zbtKI_FVkGPN5_MxlarQp9jWWBwvOAdJNFkTH6WPhxb_YLiJCMuv3sogjfkZ1KsnB04_ZlSBWpOXnOaUbE6zv5iBVso_V93gNpWUEtb_hM_vg1ChQ_O-HO-XEJ2fl9r_blL5IrxMLPJzBHzLh-jMal',
  },
  {
    what: 'ProjectScopedPayload',
    said: { userId: 'admin-user', methods: ['external'], auditIds: ONE, scope: { kind: 'project', id: 'not-a-uuid' } },
    payload: '960292c2aa61646d696e2d757365720192c2aa6e6f742d612d75756964cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0ODz84tbY8pTNAdCdlAMbYtKS1F5hAQwn_pe_u-dmZ-Bhm5H_9olCSRZqAzHrbuas_cMaTc5F6oAZYopReZX0NOun1n4wlb7LIEif0CzduYYGayBlSmv-JiQBtjsq97HboJg',
  },
  {
    what: 'TrustScopedPayload',
    said: { userId: USER, methods: ['token'], auditIds: ONE, scope: { kind: 'project', id: PROJECT }, trustId: OTHER },
    payload:
      '970392c3c4100123456789abcdef0123456789abcdef0492c3c410fedcba9876543210fedcba9876543210cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0fc41000112233445566778899aabbccddeeff',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD_8lR1PKGYv8NkUwN2kt-koGbRpfIvNng6ItPoH36k3LWZi_WlnCmayXWSNHuTTldBtzTbVpQhBQYJJFjW_PjJMbxl363GxadqZ3ezGWaBiPV4DV843ZvCpWPu14DG-EpUBL59rgj2f-VI6vlOjy9ozvIOA8ZHKWVO5V54ivMI4m',
  },
  {
    what: 'FederatedUnscopedPayload',
    said: {
      userId: USER,
      methods: ['mapped'],
      auditIds: ONE,
      scope: { kind: 'unscoped' },
      federated: { groupIds: [OTHER, 'wheel'], providerId: 'idp-1', protocolId: 'openid' },
    },
    payload:
      '980492c3c4100123456789abcdef0123456789abcdef109292c3c41000112233445566778899aabbccddeeff92c2a5776865656c92c2a56964702d31a66f70656e6964cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD0bxdxj8BXz_qK0hA11QsLKbS3GG7BqmI5ZDr_gpCLBM686vXiU62iEVo3DqSz5_S2vxoJ8ZHc6Z8-UE9ijGapT97bE1bEJ80emCLxx5lrQ0ON2P79fjmle4DaoSSuKyi_ND2wksjYwvVlQzKJoe2yPKeDWKlTUYbiYg-6J-x8uO',
  },
  {
    what: 'FederatedProjectScopedPayload',
    said: {
      userId: USER,
      methods: ['token', 'mapped'],
      auditIds: ONE,
      scope: { kind: 'project', id: PROJECT },
      federated: { groupIds: [], providerId: OTHER, protocolId: 'openid' },
    },
    payload:
      '990592c3c4100123456789abcdef0123456789abcdef1492c3c410fedcba9876543210fedcba98765432109092c3c41000112233445566778899aabbccddeeffa66f70656e6964cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD1gugVfj1W1PBvatjXcWYeRxnIJrymLtfmN2Z-e_S9ROZAdzWbQ1hf-FAi_RnoBVEH1vN-01OTaDs3XBLTlDdFVEE7B7C0rbksz38kxVKEw3E3-IEQuVxOHbFgh8J50pqQsnXrbhT7FnLK8058yvvvmPotRXkyVGCr8ECh5Edeal5xsTNpxWrUtbqXUoKiPoYg',
  },
  {
    what: 'FederatedDomainScopedPayload',
    said: {
      userId: USER,
      methods: ['token', 'mapped'],
      auditIds: ONE,
      scope: { kind: 'domain', id: 'default' },
      federated: { groupIds: [], providerId: OTHER, protocolId: 'saml2' },
    },
    payload:
      '990692c3c4100123456789abcdef0123456789abcdef1492c2a764656661756c749092c3c41000112233445566778899aabbccddeeffa573616d6c32cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD7HvRzqa2fsqbn2RiAMr0-jlw77s8V8_IUgL9ZuOVOOeajfVhw8oJcsPzJ-ujPxTQ0CVV39rbiXwHBV0tie-0EWUwxqitCRpBXzCbKNTggWyr1FtwBE14S11giIxO8lRe2l6Dpy3eojCKMoxI0csNuXufbZds_7atQnWq-CXxxbp',
  },
  {
    what: 'OauthScopedPayload',
    said: { userId: USER, methods: ['oauth1'], auditIds: ONE, scope: { kind: 'project', id: PROJECT }, accessTokenId: OTHER },
    payload:
      '970792c3c4100123456789abcdef0123456789abcdef0892c3c410fedcba9876543210fedcba987654321092c3c41000112233445566778899aabbccddeeffcb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD0v3vWRVx-8EEhG5Fq65bAXia6qkaRsbRwveUJZbuqiC34N9EXQh9hn9d-epb8AQA5dGjJ2rAacN8yAPAy0lI6_84fmTxNV7iXPA9CouJ8JuwOCxgl9GQx3RYgqybMFmH70-ju3YzSoDz8fESs5KFefVIxNmOQ6WHoBh2qJ2UJOd',
  },
  {
    what: 'SystemScopedPayload',
    said: { userId: USER, methods: ['password'], auditIds: ONE, scope: { kind: 'system' } },
    payload: '960892c3c4100123456789abcdef0123456789abcdef02a3616c6ccb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0ODzRI4ECPL7jkVaO6inBKd_Psf6SSTXf94BqfOX0ncFrmanR9pxIGTFWP68OaXUHJXSn-RguyRm-98HlZDXa62yOOJUNLvZiUQ4wpGrMMFi2O17Psz9TH6kPNG4c-8rBhaA',
  },
  {
    what: 'ApplicationCredentialScopedPayload',
    said: {
      userId: USER,
      methods: ['application_credential'],
      auditIds: ONE,
      scope: { kind: 'project', id: PROJECT },
      applicationCredentialId: OTHER,
    },
    payload:
      '970992c3c4100123456789abcdef0123456789abcdef2092c3c410fedcba9876543210fedcba9876543210cb41dac15f1000000091c410000102030405060708090a0b0c0d0e0f92c3c41000112233445566778899aabbccddeeff',
    token:
      'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD48tqWwNtMujGVsHV35aW2qXRpegscHfGZUW8bNbGHIXhBwAzvaS8tIiffl5UxQWrAwnr7a1KuI_FHxiwJvpouqZboe-w-ITH_n-dNwZhmfexgeNHWlnZ58nFVuTHnLoFdMPJnLRQ8tltoEVREkPy6o-F8q6Flxi8MB0GRKRHAUF',
  },
];

for (const { what, said, payload, token } of VECTORS) {
  test(`Keystone's ${what} of ${JSON.stringify(said.scope)} is ours, byte for byte, both ways`, () => {
    const whole = { ...said, expiresAtMs };
    const message = packPayload(whole);
    assert.equal(message.toString('hex'), payload);
    assert.equal(sealFernet(KEY, { seconds: SECONDS, message }, IV), token);
    const opened = openFernet([Buffer.alloc(32), KEY], token);
    assert.ok(!isMalformed(opened));
    assert.equal(opened.seconds, SECONDS);
    assert.deepEqual(unpackPayload(opened.message), whole);
  });
}

test('a token of another key, cut, or altered in any byte does not open', () => {
  const { token } = VECTORS[3]!;
  assert.ok(isMalformed(openFernet([Buffer.alloc(32)], token)));
  const bytes = Buffer.from(token, 'base64url');
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const altered = Buffer.from(bytes);
      altered[at]! ^= flip;
      return (
        isMalformed(openFernet([KEY], altered.toString('base64url'))) &&
        isMalformed(openFernet([KEY], bytes.subarray(0, at).toString('base64url')))
      );
    }),
  );
});

test('hostile payloads are values, not exceptions', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void unpackPayload(Buffer.from(bytes))));
  const nested = Buffer.concat([Buffer.alloc(5000, 0x91), Buffer.from([0xc0])]);
  assert.ok(isMalformed(unpackPayload(nested)));
  assert.ok(isMalformed(unpackPayload(Buffer.from('dcffff', 'hex'))));
});
