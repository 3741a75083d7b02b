import { createHash, createHmac } from 'node:crypto';

/*
 * Signature Version 4 of S3 requests (docs.aws.amazon.com, "Authenticating Requests: Using the Authorization Header"). Every header that is given is
 * signed, and the body by its SHA-256.
 */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3Request {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hex. */
  readonly bodySha256: string;
}

export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** RFC 3986: more than `encodeURIComponent` leaves as it is. */
export const encodeUri = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const byName = (a: readonly [string, string], b: readonly [string, string]) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : 1);

/** @returns all headers to send. */
export function signRequest(request: S3Request, credentials: S3Credentials, region: string, nowMs: number): Record<string, string> {
  const { method, url, bodySha256 } = request;
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const token = credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken };
  const headers = { ...request.headers, host: url.host, 'x-amz-content-sha256': bodySha256, 'x-amz-date': time, ...token };
  const signed = Object.entries(headers).sort(byName);
  const names = signed.map(([name]) => name).join(';');
  const query = [...url.searchParams].map(([name, value]): [string, string] => [encodeUri(name), encodeUri(value)]).sort(byName);
  const canonical = [
    method,
    url.pathname,
    query.map((pair) => pair.join('=')).join('&'),
    ...signed.map(([name, value]) => `${name}:${value.trim()}`),
    '',
    names,
    bodySha256,
  ].join('\n');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const key = scope.split('/').reduce((above: Buffer | string, part) => hmac(above, part), `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}
