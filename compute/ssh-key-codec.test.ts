import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { encodeRsaKey, sshFingerprint } from './ssh-key-codec.ts';

/** Made with ssh-keygen. */
const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH/DnDx1Q7LiZo0oJmi12ZpBoLzky204AjoKk4jR3XiL who@where';

const rows: readonly (readonly [text: string, isKey: boolean])[] = [
  [ED25519, true],
  [ED25519.replace('who@where', ''), true],
  [ED25519.replace('ssh-ed25519', 'ssh-rsa'), false],
  ['ssh-rsa', false],
  ['ssh-rsa JUNK nova@ubuntu', false],
  [`ssh-rsa ${'A'.repeat(2048)} openstack@ubuntu`, false],
  ['', false],
];
for (const [text, isKey] of rows)
  test(`${text.slice(0, 40)} is ${isKey ? 'a' : 'no'} public key`, () => assert.equal(sshFingerprint(text) !== undefined, isKey));

test('an RSA key that we encode is one that we read', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  assert.match(sshFingerprint(encodeRsaKey(createPublicKey(privateKey), 'x'))!, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
});
