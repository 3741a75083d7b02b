import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { encodeUri, sha256, signRequest, type S3Credentials } from './signature-codec.ts';

/*
 * Calls to one bucket of an S3 server, signed, with the bucket in the path. What may work later (no answer, 5xx, "slow down") is tried again; every body
 * is a buffer, so that it can be.
 */
export interface S3Bucket {
  /** `https://host:port` */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: S3Credentials;
  /** PEM of the authority that signed the server's certificate; undefined: a public one. */
  readonly ca?: string;
}

export interface S3Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Undefined: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal?: AbortSignal;
  /** How often what may work later is tried. Default: for about eight seconds. */
  readonly attempts?: number;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable & { text(): Promise<string>; dump(): Promise<void> };
}

/** What the server said no to. */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A server that restarts, or a minute of "slow down". */
const ATTEMPTS_MAX = 6;
const BACK_OFF_FIRST_MS = 250;
/** Silence; a part of an upload is answered only when it is safe. */
const ANSWER_MS_MAX = 120_000;
const CONNECTIONS_MAX = 16;

export interface S3Client {
  /** @throws S3Error for every answer but 2xx */
  call(call: S3Call): Promise<S3Answer>;
  /** The same, with all of the answer's text. */
  text(call: S3Call): Promise<string>;
}

export function s3Client(bucket: S3Bucket): S3Client {
  const dispatcher = new Agent({
    connections: CONNECTIONS_MAX,
    headersTimeout: ANSWER_MS_MAX,
    bodyTimeout: ANSWER_MS_MAX,
    ...(bucket.ca === undefined ? {} : { connect: { ca: bucket.ca } }),
  });
  const call = (one: S3Call) => withRetries(one, () => callOnce(bucket, dispatcher, one));
  return { call, text: async (one) => (await call(one)).body.text() };
}

async function callOnce({ endpoint, bucket, region, credentials }: S3Bucket, dispatcher: Dispatcher, call: S3Call): Promise<S3Answer> {
  const { method, key, query = {}, headers = {}, body = Buffer.alloc(0), signal } = call;
  const url = new URL(`${endpoint}/${encodeUri(bucket)}`);
  if (key !== undefined) url.pathname += `/${key.split('/').map(encodeUri).join('/')}`;
  // As it is signed: a query of forms would write blanks as plus signs.
  url.search = Object.entries(query)
    .map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`)
    .join('&');
  const signed = signRequest({ method, url, headers, bodySha256: sha256(body) }, credentials, region, Date.now());
  const options = {
    method,
    headers: signed,
    dispatcher,
    ...(body.length > 0 ? { body } : {}),
    ...(signal === undefined ? {} : { signal }),
  };
  const answer = await request(url, options);
  if (answer.statusCode >= 200 && answer.statusCode < 300)
    return { status: answer.statusCode, headers: answer.headers, body: answer.body as S3Answer['body'] };
  throw errorOf(answer.statusCode, await answer.body.text());
}

function errorOf(status: number, xml: string): S3Error {
  const code = /<Code>([^<]{1,200})<\/Code>/.exec(xml)?.[1] ?? String(status);
  const message = /<Message>([^<]{1,1000})<\/Message>/.exec(xml)?.[1] ?? '';
  return new S3Error(status, code, `The S3 server answered ${status} ${code}${message === '' ? '' : `: ${message}`}`);
}

const mayWorkLater = (error: unknown) => !(error instanceof S3Error) || error.status >= 500 || error.status === 429 || error.status === 408;

async function withRetries<Value>({ signal, attempts = ATTEMPTS_MAX }: S3Call, run: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= attempts || !mayWorkLater(error)) throw error;
      await sleep(BACK_OFF_FIRST_MS * 2 ** (attempt - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** A file in the form of AWS's tools: `aws_access_key_id`, `aws_secret_access_key` and perhaps `aws_session_token` of the profile `default`. */
export function readS3Credentials(path: string): S3Credentials {
  const text = readFileSync(path, 'utf8');
  const profile = /^\s*\[default\]\s*$([^[]*)/m.exec(text)?.[1] ?? '';
  const value = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(profile)?.[1];
  const [accessKeyId, secretAccessKey] = [value('aws_access_key_id'), value('aws_secret_access_key')];
  const sessionToken = value('aws_session_token');
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error(`${path} has no aws_access_key_id and aws_secret_access_key in a profile [default]`);
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
