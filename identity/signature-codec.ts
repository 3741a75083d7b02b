import { createHash, createHmac } from 'node:crypto';

/** Signatures of Amazon's kind: EC2's query signatures (versions 0, 1, 2), version 4, and S3's two. */
export interface Ec2Request {
  readonly access: string;
  readonly signature?: string;
  readonly host?: string;
  readonly verb?: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body_hash?: string;
}

const hmac = (key: string | Buffer, algorithm: string, text: string | Buffer) => createHmac(algorithm, key).update(text).digest();

/** RFC 3986: everything but the unreserved characters. */
const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

const query = (params: Readonly<Record<string, string>>, skip: readonly string[] = []) =>
  Object.keys(params)
    .filter((name) => !skip.includes(name))
    .toSorted()
    .map((name) => `${encode(name)}=${encode(String(params[name]))}`)
    .join('&');

/** Undefined for a version that is not known. */
export function signEc2(secret: string, request: Ec2Request): string | undefined {
  const params = request.params ?? {};
  const headers = Object.fromEntries(Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]));
  if (params['X-Amz-Algorithm'] === 'AWS4-HMAC-SHA256' || (headers['authorization'] ?? '').startsWith('AWS4-HMAC-SHA256'))
    return signVersion4(secret, request, headers);
  switch (params['SignatureVersion']) {
    case '0':
      return hmac(secret, 'sha1', `${params['Action'] ?? ''}${params['Timestamp'] ?? ''}`).toString('base64');
    case '1': {
      const names = Object.keys(params).toSorted((one, other) => (one.toLowerCase() < other.toLowerCase() ? -1 : 1));
      return hmac(secret, 'sha1', names.map((name) => `${name}${params[name]}`).join('')).toString('base64');
    }
    case '2': {
      const text = [request.verb ?? 'GET', request.host ?? '', request.path ?? '/', query(params)].join('\n');
      return hmac(secret, params['SignatureMethod'] === 'HmacSHA1' ? 'sha1' : 'sha256', text).toString('base64');
    }
    default:
      return undefined;
  }
}

function signVersion4(secret: string, request: Ec2Request, headers: Record<string, string>): string | undefined {
  const params = request.params ?? {};
  const authorization = Object.fromEntries(
    (headers['authorization'] ?? '')
      .replace(/^AWS4-HMAC-SHA256\s+/, '')
      .split(/,\s*/)
      .map((pair): [string, string] => [pair.split('=')[0]!, pair.split('=').slice(1).join('=')]),
  );
  const signedHeaders = params['X-Amz-SignedHeaders'] ?? authorization['SignedHeaders'];
  const credential = (params['X-Amz-Credential'] ?? authorization['Credential'] ?? '').split('/');
  const date = params['X-Amz-Date'] ?? headers['x-amz-date'];
  if (signedHeaders === undefined || credential.length !== 5 || date === undefined) return undefined;
  const [, day, region, service] = credential as [string, string, string, string];
  const listed = signedHeaders
    .split(';')
    .map((name) => `${name}:${(name === 'host' ? (request.host ?? headers['host']) : headers[name]) ?? ''}\n`);
  const canonical = [
    request.verb ?? 'GET',
    request.path ?? '/',
    query(params, ['X-Amz-Signature']),
    listed.join(''),
    signedHeaders,
    request.body_hash ?? '',
  ];
  const digest = createHash('sha256').update(canonical.join('\n')).digest('hex');
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, digest].join('\n');
  return hmac(keyOfVersion4(secret, day, region, service), 'sha256', text).toString('hex');
}

const keyOfVersion4 = (secret: string, day: string, region: string, service: string): Buffer =>
  [region, service, 'aws4_request'].reduce((key, text) => hmac(key, 'sha256', text), hmac(`AWS4${secret}`, 'sha256', day));

/** `token` is the text that was signed, in base64. Undefined when it is none of a service's that S3 clients sign for. */
export function signS3(secret: string, token: string): string | undefined {
  const text = Buffer.from(token, 'base64url');
  if (text.subarray(0, 4).toString() !== 'AWS4') return hmac(secret, 'sha1', text).toString('base64');
  const lines = text.toString().split('\n');
  const scope = (lines[2] ?? '').split('/');
  if (lines.length !== 4 || lines[0] !== 'AWS4-HMAC-SHA256' || scope.length !== 4 || scope[3] !== 'aws4_request') return undefined;
  if (!['s3', 'iam', 'sts'].includes(scope[2]!)) return undefined;
  return hmac(keyOfVersion4(secret, scope[0]!, scope[1]!, scope[2]!), 'sha256', text).toString('hex');
}
