import {
  createServer,
  request as askHttp,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Logger } from '../core/base/logger.ts';
import { connectTrusted, type Trust } from '../core/transfer/trusted-connection.ts';
import { signedHeaders } from './metadata/network-signature-codec.ts';

/*
 * What a host answers the machines of one network for metadata: it asks the metadata service with its own signed words about who asks, and with nothing of what the
 * machine says of itself.
 */
export interface MetadataProxyOptions {
  readonly networkId: string;
  /** `https://HOST:PORT`, or on this host `http://HOST:PORT` or `unix:PATH`. */
  readonly service: string;
  /** Of a service by https. */
  readonly trust: Trust;
  readonly secret: string;
  /** The MAC address behind an address that a machine gave itself (IPv6 link-local); undefined: nobody knows. */
  readonly macOf: (address: string) => Promise<string | undefined>;
  readonly logger: Logger;
}

/** The service waits this long for a database; machines ask again. */
const ANSWER_MS_MAX = 15_000;
const REQUEST_MS_MAX = 10_000;
const HEADER_BYTES_MAX = 8 * 1024;
/** Of one network on one host. */
const CONNECTIONS_MAX = 500;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

export function createMetadataProxy(options: MetadataProxyOptions): Server {
  const server = createServer({ requestTimeout: REQUEST_MS_MAX, maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    request.resume();
    answer(options, request, response).catch((error: unknown) => {
      options.logger.warn({ err: error, network: options.networkId }, 'the metadata service does not answer');
      if (response.headersSent) return response.destroy();
      return plain(response, 503, 'The metadata service does not answer; ask again.');
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

async function answer(options: MetadataProxyOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '/' } = request;
  if (method !== 'GET' && method !== 'HEAD') return plain(response, 405, 'Metadata can only be read');
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  const machine = /^fe[89ab]/i.test(address) ? await options.macOf(address) : address;
  if (machine === undefined || machine === '') return plain(response, 404, 'Not found');
  const headers = signedHeaders(options.secret, { networkId: options.networkId, machine });
  const told = await ask(options, method, url, headers);
  response.writeHead(told.statusCode!, told.headers);
  told.pipe(response);
  await new Promise<void>((resolve, reject) => {
    told.on('error', reject);
    response.on('close', resolve);
  });
}

async function ask(
  { service, trust }: MetadataProxyOptions,
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
): Promise<IncomingMessage> {
  const where = await wayTo(service, trust);
  return new Promise((resolve, reject) => {
    const asked = askHttp(
      { ...where, method, path, headers: { ...headers, connection: 'close' }, signal: AbortSignal.timeout(ANSWER_MS_MAX) },
      resolve,
    );
    asked.on('error', reject);
    asked.end();
  });
}

async function wayTo(service: string, trust: Trust): Promise<RequestOptions> {
  if (service.startsWith('unix:')) return { socketPath: service.slice('unix:'.length), agent: false };
  const { protocol, hostname, port } = new URL(service);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'http:') return { host, port: port === '' ? HTTP_PORT : port, agent: false };
  const socket = await connectTrusted({ host, port: Number(port === '' ? HTTPS_PORT : port), trust });
  return { createConnection: () => socket, host };
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(`${text}\n`);
}
