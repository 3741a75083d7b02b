import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseRedfishEvents } from '../../../bmc/event-codec.ts';
import type { BmcEvent } from '../../../bmc/event.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';

/**
 * Where BMCs without a stream post their events (DSP0266 §13). Each has an address of its own with a key in it, and the context of its subscription has to come
 * back. What a stranger sends is refused before its body is read.
 */
export interface EventEndpoint {
  readonly port: number;
  /** What the BMC of this node is told. */
  subscriber(nodeId: string): { readonly destination: string; readonly context: string };
  metrics(): Record<'posts' | 'strangers' | 'malformed', number>;
  close(): Promise<void>;
}

/** More than a rack's BMCs hold open; each costs a stranger a TLS handshake, and us some 50 kB. */
export const ENDPOINT_CONNECTIONS_MAX = 512;
export const EVENT_BODY_BYTES_MAX = 256 * 1024;
/** A post is over in this time, or its connection. */
const REQUEST_MS_MAX = 10_000;
const KEY_CHARACTERS = 32;

const PATH = /^\/bmc-events\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([\w-]+)\/?$/;

export async function startEventEndpoint(options: {
  readonly listen: { readonly host: string; readonly port: number };
  /** How BMCs reach it; default: the address that it listens on. */
  readonly publicUrl: string | undefined;
  readonly secret: Buffer;
  readonly tls: TlsIdentity;
  readonly onEvents: (nodeId: string, events: readonly BmcEvent[]) => void;
}): Promise<EventEndpoint> {
  const { secret, onEvents, listen } = options;
  const counters = { posts: 0, strangers: 0, malformed: 0 };
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest('base64url').slice(0, KEY_CHARACTERS);
  const keyOf = (nodeId: string) => sign(`bmc events of ${nodeId}`);
  const context = `rackwright-${sign('bmc events').slice(0, 12)}`;
  const isKey = (nodeId: string, key: string) =>
    key.length === KEY_CHARACTERS && timingSafeEqual(Buffer.from(key), Buffer.from(keyOf(nodeId)));

  const answer = (response: ServerResponse, status: number) => void response.writeHead(status, { connection: 'close' }).end();
  const refuse = (response: ServerResponse, why: 'strangers' | 'malformed', status: number) => {
    counters[why] += 1;
    answer(response, status);
  };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const [, nodeId, key] = PATH.exec(request.url ?? '') ?? [];
    if (nodeId === undefined || !isKey(nodeId, key!)) return refuse(response, 'strangers', 404);
    if (request.method !== 'POST') return refuse(response, 'malformed', 405);
    const text = await readText(request);
    if (text === undefined) return refuse(response, 'malformed', 413);
    // Whatever the content type says: some BMCs call it text/plain.
    const delivery = parseRedfishEvents(text);
    if (isMalformed(delivery)) return refuse(response, 'malformed', 400);
    if (delivery.context !== context) return refuse(response, 'strangers', 404);
    counters.posts += 1;
    onEvents(nodeId, delivery.events);
    answer(response, 204);
  };

  const server = createServer({ key: options.tls.keyPem, cert: options.tls.certificatePem }, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.maxConnections = ENDPOINT_CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_MS_MAX;
  server.headersTimeout = REQUEST_MS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const base = options.publicUrl ?? `https://${listen.host}:${port}`;
  return {
    port,
    subscriber: (nodeId) => ({ destination: `${base}/bmc-events/${nodeId}/${keyOf(nodeId)}`, context }),
    metrics: () => ({ ...counters }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readText(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    size += (piece as Buffer).length;
    if (size > EVENT_BODY_BYTES_MAX) return undefined;
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces).toString();
}
