import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import type { JsonObject } from '../../../core/base/json.ts';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';
import type { BmcFaultDice } from '../bmc-faults.ts';
import { isForm, readForm } from './form-body.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import type { RedfishHandler, RedfishRequest } from './redfish-handler.ts';

/**
 * Redfish over TLS for any number of BMCs: each has a listening socket, all share one TLS engine and HTTP parser, and
 * the address that a connection came in on says which BMC is meant. Thousands of them cost little more than one.
 */
export interface RedfishServer {
  readonly port: number;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 64 * 1024;
const handlers = new Map<string, { readonly handler: RedfishHandler; readonly faults: BmcFaultDice }>();
const engines = new Map<string, HttpsServer>();

async function readBody(request: IncomingMessage): Promise<JsonObject | RedfishReply> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    size += (piece as Buffer).length;
    if (size > BODY_BYTES_MAX) return redfishError(413);
    pieces.push(piece as Buffer);
  }
  if (size === 0) return {};
  try {
    const body: unknown = JSON.parse(Buffer.concat(pieces).toString());
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as JsonObject;
  } catch {
    // Falls to the answer below: a body that is not JSON is the client's mistake.
  }
  return redfishError(400, 'The body is not a JSON object.');
}

const isReply = (value: JsonObject | RedfishReply): value is RedfishReply =>
  typeof (value as RedfishReply).status === 'number' && 'error' in ((value as RedfishReply).body ?? {});

function send(response: ServerResponse, reply: RedfishReply, head: boolean): void {
  if (reply.stream) {
    response.writeHead(reply.status, { 'OData-Version': '4.0', 'Cache-Control': 'no-cache', ...reply.headers });
    response.flushHeaders();
    return void response.once(
      'close',
      reply.stream((text) => void response.write(text)),
    );
  }
  const text = reply.body ? JSON.stringify(reply.body) : '';
  response.writeHead(reply.status, {
    'OData-Version': '4.0',
    'Cache-Control': 'no-cache',
    ...(text ? { 'Content-Type': 'application/json; charset=utf-8' } : {}),
    'Content-Length': Buffer.byteLength(text),
    ...reply.headers,
  });
  response.end(head ? '' : text);
}

const header = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

const laneKey = (address: string | undefined, port: number | undefined): string => `${address} ${port}`;

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const lane = handlers.get(laneKey(request.socket.localAddress, request.socket.localPort));
  if (!lane || lane.faults.happens('packetLoss')) return void request.socket.destroy();
  const { handler, faults } = lane;
  const body = isForm(request) ? await readForm(request) : await readBody(request);
  if (isReply(body)) return send(response, body, false);
  const asSent = (request.url ?? '/').split('?')[0]!;
  const path = asSent.replace(/\/+$/, '');
  const asked: RedfishRequest = {
    method: request.method ?? 'GET',
    path,
    endsWithSlash: asSent.endsWith('/'),
    body,
    token: header(request, 'x-auth-token'),
    authorization: header(request, 'authorization'),
    ifMatch: header(request, 'if-match'),
    ifNoneMatch: header(request, 'if-none-match'),
  };
  let reply: RedfishReply;
  try {
    reply = await handler(asked);
  } catch (error) {
    reply = redfishError(500, String(error));
  }
  const lateMs = faults.delayMs('answerDelayMs');
  if (lateMs > 0) await new Promise((resolve) => setTimeout(resolve, lateMs));
  if (faults.happens('packetLoss')) return void request.socket.destroy();
  send(response, reply, asked.method === 'HEAD');
}

function engineFor(tls: TlsIdentity): HttpsServer {
  const known = engines.get(tls.certificatePem);
  if (known) return known;
  const engine = createHttpsServer({ key: tls.keyPem, cert: tls.certificatePem }, (request, response) => {
    // A client that hangs up in the middle of its own request has no one to answer.
    serve(request, response).catch(() => response.destroy());
  });
  engines.set(tls.certificatePem, engine);
  return engine;
}

export async function startRedfishServer(
  handler: RedfishHandler,
  settings: { address: string; port: number; faults: BmcFaultDice; tls: () => TlsIdentity },
): Promise<RedfishServer> {
  const sockets = new Set<Socket>();
  const listener: TcpServer = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    engineFor(settings.tls()).emit('connection', socket);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(settings.port, settings.address, resolve);
  });
  const { port } = listener.address() as { port: number };
  const key = laneKey(settings.address, port);
  handlers.set(key, { handler, faults: settings.faults });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        handlers.delete(key);
        listener.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
