import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256, signRequest } from './signature-codec.ts';

/** The examples of "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)". */
const CREDENTIALS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const BUCKET = 'https://examplebucket.s3.amazonaws.com';
const NOW = Date.parse('2013-05-24T00:00:00Z');

test("AWS's own examples have AWS's signatures", () => {
  const put = { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' };
  for (const [method, path, headers, body, signature] of [
    ['GET', '/test.txt', { range: 'bytes=0-9' }, '', 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'],
    ['PUT', '/test%24file.text', put, 'Welcome to Amazon S3.', '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'],
    ['GET', '/?lifecycle', {}, '', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['GET', '/?max-keys=2&prefix=J', {}, '', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ] as const) {
    const signed = signRequest({ method, url: new URL(path, BUCKET), headers, bodySha256: sha256(body) }, CREDENTIALS, 'us-east-1', NOW);
    assert.ok(signed['authorization']!.endsWith(`Signature=${signature}`), `${method} ${path}`);
    assert.ok(!JSON.stringify(signed).includes(CREDENTIALS.secretAccessKey));
  }
});
