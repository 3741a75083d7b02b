import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, verifyPassword } from './password-hash.ts';

test('what was hashed verifies, and nothing else does', async () => {
  const hash = await hashPassword('s3cret-walk');
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(await verifyPassword('s3cret-walk', hash), true);
  assert.equal(await verifyPassword('s3cret-wal', hash), false);
  assert.notEqual(await hashPassword('s3cret-walk'), hash);
});

/** Made by Python: bcrypt, hashlib.scrypt and hashlib.pbkdf2_hmac, in the form that Keystone stores. */
for (const [what, hash] of Object.entries({
  bcrypt: '$2b$04$hGYc/.PFrSa5oAAKamY.W.WrZujTmWqLtxe09svPSK8koMYBhiMua',
  scrypt: '$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$PsP9.IbxWavmeHPElviBjrPaDQeRVE.tvzeqpvtun80',
  PBKDF2:
    '$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$7mttLCxSWNru99wFzutCVq.ubFC1ZKpIqzw4RdX52bPYNL8GEhx5coambnPVOH2f9RvqqIlvumyai0hNs8j8Qg',
})) {
  test(`a hash of an import verifies: ${what}`, async () => {
    assert.equal(await verifyPassword('imported', hash), true);
    assert.equal(await verifyPassword('Imported', hash), false);
  });
}

for (const hash of [
  '',
  '$',
  'plain',
  '$argon2id$v=19$m=999999999,t=1,p=1$c2FsdA$dGFn',
  '$scrypt$ln=40,r=8,p=1$c2FsdA$dGFn',
  '$pbkdf2-sha512$0$YQ$YQ',
  '$6$salt$hash',
]) {
  test(`no password fits "${hash}"`, async () => assert.equal(await verifyPassword('imported', hash), false));
}
