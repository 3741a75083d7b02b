import { createServer, type RequestListener, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TlsIdentity } from '../core/base/tls-identity.ts';
import { explainOutage } from '../core/database/outage-policy.ts';
import type { Logger } from '../core/base/logger.ts';
import { whoAsks, type Asker } from './metadata/asker-policy.ts';
import { readMetadata, type Instance } from './metadata/metadata-tree.ts';

/*
 * The metadata service: plain HTTP for machines that know nothing yet, TLS for proxies on other hosts. What is nobody's is not there (404), and so is all of it for whoever is nobody.
 */
export interface MetadataServerOptions {
  /** Undefined for an address that is no instance's. */
  readonly ofAddress: (address: string) => Promise<Instance | undefined>;
  /** Undefined for an instance that is not there, or not the project's. */
  readonly ofProxy: (instance: string, project: string) => Promise<Instance | undefined>;
  /** Undefined for a machine of a network that is no instance: by its address there, or by its MAC address. */
  readonly ofMachine: (networkId: string, machine: string) => Promise<Instance | undefined>;
  /** What proxies sign with; undefined: there are none. */
  readonly proxySecret: string | undefined;
  /** Nobody but proxies is answered: addresses say nothing where this listens. */
  readonly proxiesOnly: boolean;
  /** Undefined: plain HTTP. */
  readonly tls: TlsIdentity | undefined;
  readonly logger: Logger;
}

/** A machine that says nothing is not waited for, and a thousand that boot at once get their answers. */
const REQUEST_MS_MAX = 10_000;
const CONNECTIONS_MAX = 2_000;
const HEADER_BYTES_MAX = 8 * 1024;
const PATH_CHARACTERS_MAX = 1_000;

interface Told {
  readonly status: number;
  readonly type?: string;
  readonly body: Buffer;
}

const words = (status: number, text: string): Told => ({ status, body: Buffer.from(`${text}\n`) });
const NOT_FOUND = words(404, 'Not found');

export function createMetadataServer(options: MetadataServerOptions): Server {
  const listener: RequestListener = (request, response) => {
    answer(options, request)
      .catch((error: unknown): Told => {
        const outage = explainOutage(error);
        if (outage !== undefined) return words(503, outage);
        options.logger.error({ err: error, path: request.url }, 'a request for metadata failed');
        return words(500, 'Internal error');
      })
      .then((told) => send(request, response, told))
      .catch(() => response.destroy());
  };
  const limits = { requestTimeout: REQUEST_MS_MAX, maxHeaderSize: HEADER_BYTES_MAX };
  const { tls } = options;
  const server =
    tls === undefined
      ? createServer(limits, listener)
      : createTlsServer({ ...limits, handshakeTimeout: REQUEST_MS_MAX, key: tls.keyPem, cert: tls.certificatePem }, listener);
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

async function answer(options: MetadataServerOptions, request: IncomingMessage): Promise<Told> {
  request.resume();
  const { method, url = '/', headers, socket } = request;
  if (method !== 'GET' && method !== 'HEAD') return words(405, 'Metadata can only be read');
  const asker = whoAsks(headers, socket.remoteAddress ?? '', options.proxySecret);
  if (asker.kind === 'refused') return words(asker.status, asker.why);
  const path = decodedPath(url);
  const instance = path === undefined ? undefined : await instanceOf(options, asker);
  const leaf = instance === undefined || path === undefined ? undefined : readMetadata(path, instance);
  return leaf === undefined ? NOT_FOUND : { status: 200, ...leaf };
}

const instanceOf = (options: MetadataServerOptions, asker: Exclude<Asker, { kind: 'refused' }>): Promise<Instance | undefined> => {
  if (asker.kind === 'proxy') return options.ofProxy(asker.instance, asker.project);
  if (asker.kind === 'network') return options.ofMachine(asker.networkId, asker.machine);
  return options.proxiesOnly ? Promise.resolve(undefined) : options.ofAddress(asker.address);
};

function decodedPath(url: string): string | undefined {
  try {
    return url.length > PATH_CHARACTERS_MAX ? undefined : decodeURIComponent(url.replace(/[?#].*$/, ''));
  } catch {
    return undefined;
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type = 'text/plain', body }: Told): void {
  response.writeHead(status, { 'content-type': type, 'content-length': body.length, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
}
