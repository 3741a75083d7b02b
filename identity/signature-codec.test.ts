import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signEc2, signS3 } from './signature-codec.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

/** The worked example of Amazon's "Signature Version 4" documentation. */
test('version 4 signs the documented request as documented', () => {
  const scope = '20150830/us-east-1/iam/aws4_request';
  const signed = 'content-type;host;x-amz-date';
  const signature = signEc2(SECRET, {
    access: 'AKIDEXAMPLE',
    verb: 'GET',
    host: 'iam.amazonaws.com',
    path: '/',
    params: { Action: 'ListUsers', Version: '2010-05-08' },
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      'X-Amz-Date': '20150830T123600Z',
      Authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${signed}, Signature=x`,
    },
    body_hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  });
  assert.equal(signature, '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
});

test('S3 signs the same text the same way, for the services it is for only', () => {
  const text = (service: string) =>
    Buffer.from(
      `AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/${service}/aws4_request\nf536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59`,
    ).toString('base64url');
  assert.equal(signS3(SECRET, text('iam')), '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
  assert.equal(signS3(SECRET, text('ec2')), undefined);
  assert.equal(signS3(SECRET, Buffer.from('AWS4-HMAC-SHA256\nx').toString('base64url')), undefined);
});

test('a version that is not known is not signed', () => {
  assert.equal(signEc2(SECRET, { access: 'a', params: { SignatureVersion: '9' } }), undefined);
  assert.equal(signEc2(SECRET, { access: 'a' }), undefined);
});
