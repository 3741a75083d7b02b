import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { decodeBootToken } from '../../core/base/boot-token-codec.ts';
import type { Clock } from '../../core/base/clock.ts';
import { sendFileBytes } from '../../core/transfer/file-sender.ts';
import { sendFile } from '../../core/transfer/kernel-file-sender.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import type { Logger } from '../../core/base/logger.ts';
import { parseMacAddress } from '../../core/base/mac-address.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { Random } from '../../core/base/random.ts';
import { openBelow, openServedFile, type ServedFile } from '../files/served-file.ts';
import { agentPath } from '../files/agent-path.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { BootClient, BootDirectory } from '../model/boot-directory.ts';
import type { EventGate } from '../model/event-gate.ts';
import type { ModelIndex } from '../model/model-index.ts';
import { kernelLine } from '../media/kernel-line-policy.ts';
import { patchedFile, type Patch } from '../media/patched-file.ts';
import { agentArguments } from '../script/ipxe-script-policy.ts';
import { createSpreadServer, type SpreadServer } from '../spread/spread-server.ts';
import { type BootRoute, parseBootRoute } from './boot-route-policy.ts';
import { answerFileRequest } from './http-conditions-policy.ts';
import { machineOf, tellFile, tellFileStart, tellScript } from './http-events.ts';

export interface BootHttpOptions {
  readonly port: number;
  readonly address: string;
  readonly directory: BootDirectory;
  readonly currentIndex: () => ModelIndex;
  /** With it, files are sent by the kernel; without, through this process. */
  readonly system: LinuxCalls | undefined;
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly gate: EventGate;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface BootHttpServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Two racks that all boot at once, with room for their agents; more wait in the listen queue. */
const CONNECTIONS_MAX = 2048;
/** A client that takes nothing for this long has lost its power or its link. */
const STALL_MS = 60_000;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  // UEFI HTTP Boot goes by this type.
  '.efi': 'application/efi',
  '.ipxe': 'text/plain; charset=utf-8',
};

/** One request's context, made once. */
interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: BootClient;
  readonly startedMs: number;
  readonly id: string;
  /** The path as events show it: without tokens, which open doors. */
  readonly shownPath: string;
}

const remoteAddress = (request: IncomingMessage): string => (request.socket.remoteAddress ?? '').replace(/^::ffff:|%.*$/g, '');

const hideToken = (route: BootRoute, url: string): string => {
  if (route.kind === 'agent-file') return `/boot/<token>/${route.file}`;
  if (route.kind === 'spread') return `/spread/<token>/${route.segments.join('/')}`;
  if (route.kind === 'image') return `/images/<token>/${route.segments.join('/')}`;
  return url.replace(/[^\x20-\x7e]/g, '?').slice(0, 300);
};

const sendText = (call: Call, status: number, text: string, headers: Record<string, string> = {}): void => {
  const body = Buffer.from(text);
  call.response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    ...headers,
  });
  call.response.end(call.request.method === 'HEAD' ? undefined : body);
};

const patchedEtag = (etag: string, { bytes }: Patch): string =>
  `${etag.slice(0, -1)}-${createHash('sha256').update(bytes).digest('base64url').slice(0, 12)}"`;

class BootHttp {
  readonly #options: BootHttpOptions;
  readonly #spread: SpreadServer;

  constructor(options: BootHttpOptions) {
    this.#options = options;
    this.#spread = createSpreadServer(options);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, counters, directory, random } = this.#options;
    counters.add('http.requests');
    const url = request.url ?? '/';
    const route = parseBootRoute(url);
    const call: Call = {
      request,
      response,
      client: directory.identify(remoteAddress(request)),
      startedMs: clock.nowMs(),
      id: `http-${random.bytes(6).toString('hex')}`,
      shownPath: hideToken(route, url),
    };
    if (request.method !== 'GET' && request.method !== 'HEAD' && !(request.method === 'POST' && route.kind === 'spread'))
      return this.#refuse(call, 405, 'method', 'Only GET and HEAD are served here.', { allow: 'GET, HEAD' });
    if (route.kind === 'script') return this.#sendScript(call, route.query);
    if (route.kind === 'not-found') return this.#refuse(call, 404, 'not-found', 'Nothing is served under this path.');
    if (route.kind === 'bad-path') return this.#refuse(call, 400, 'bad-path', `Bad path: ${route.reason}.`);
    return this.#sendRoutedFile(call, route);
  }

  /** Who has the boot token, or undefined when that is refused. */
  #admit(call: Call, token: string): BootClient | undefined {
    const { currentIndex, clock } = this.#options;
    const claims = decodeBootToken(token, currentIndex().secret, clock.nowMs());
    if (claims === undefined) {
      this.#refuse(call, 403, 'token', 'The boot token is not valid or too old. Boot the machine again to get a new one.');
      return undefined;
    }
    const mac = parseMacAddress(claims.mac);
    return { ...call.client, ...(mac ? { mac } : {}), ...(claims.nodeId ? { nodeId: claims.nodeId } : {}) };
  }

  #refuse(call: Call, status: number, reason: string, sentence: string, headers: Record<string, string> = {}): void {
    const { counters, gate } = this.#options;
    counters.add(`http.refused.${reason}`);
    gate.record(`http ${reason} ${call.client.ipAddress}`, {
      source: 'http',
      kind: 'http.refused',
      severity: 'warning',
      machine: machineOf(call.client),
      correlationId: call.id,
      message: `${call.client.ipAddress} got ${status} for ${call.shownPath}: ${sentence}`,
      evidence: { status, reason, path: call.shownPath },
    });
    sendText(call, status, `${sentence}\n`, headers);
  }

  async #sendScript(call: Call, query: URLSearchParams): Promise<void> {
    const { directory, counters } = this.#options;
    const given = query.get('mac');
    const mac = given === null ? call.client.mac : parseMacAddress(given);
    if (mac === undefined)
      return this.#refuse(
        call,
        400,
        'no-mac',
        given === null ? 'The request names no MAC address, and no lease tells it.' : 'The mac parameter is not a MAC address.',
      );
    // A machine may ask for itself through another of its ports, but not for its neighbour.
    if (call.client.mac !== undefined && !directory.sameMachine(mac, call.client.mac))
      return this.#refuse(call, 403, 'other-machine', `The lease of ${call.client.ipAddress} belongs to another machine than ${mac}.`);
    const script = await directory.script(mac, call.client.ipAddress, {
      platform: query.get('platform') ?? undefined,
      processor: query.get('arch') === 'arm64' ? 'arm64' : undefined,
    });
    counters.add(`http.script.${script.kind}`);
    sendText(call, 200, script.text);
    if (call.request.method === 'HEAD') return;
    tellScript(this.#options, call, { mac, script, said: query });
  }

  async #sendRoutedFile(call: Call, route: Extract<BootRoute, { kind: 'ipxe-binary' | 'agent-file' | 'image' | 'spread' }>): Promise<void> {
    const { model } = this.#options.currentIndex();
    const client = route.kind === 'ipxe-binary' ? call.client : this.#admit(call, route.token);
    if (client === undefined) return;
    const patch = route.kind === 'agent-file' && route.file === 'agent.iso' ? this.#lineFor(route.token, client) : undefined;
    if (patch === 'too-long') return this.#refuse({ ...call, client }, 500, 'line-too-long', 'The kernel arguments do not fit the image.');
    const file = await this.#openFile(route, model.files);
    if (!file) return this.#refuse({ ...call, client }, 404, 'no-file', 'There is no such file on the boot server.');
    try {
      if (route.kind === 'spread') await this.#spread.answer({ ...call, client, file, name: route.segments.join('/'), query: route.query });
      else await this.#sendFile({ ...call, client }, file, patch);
    } finally {
      await file.handle.close();
    }
  }

  async #openFile(
    route: Extract<BootRoute, { kind: 'ipxe-binary' | 'agent-file' | 'image' | 'spread' }>,
    files: ModelIndex['model']['files'],
  ): Promise<ServedFile | undefined> {
    if (route.kind === 'ipxe-binary') return openBelow(files.ipxeDirectory, [route.name]);
    if (route.kind === 'image' || route.kind === 'spread') {
      for (const directory of [files.imageDirectory, ...(files.storeDirectories ?? [])]) {
        const file = await openBelow(directory, route.segments);
        if (file !== undefined) return file;
      }
      return undefined;
    }
    const path = agentPath(route.file, files);
    return path === undefined ? undefined : openServedFile(path);
  }

  /** What makes the one boot CD this machine's. */
  #lineFor(token: string, client: BootClient): Patch | 'too-long' | undefined {
    const { model, hostByMac } = this.#options.currentIndex();
    const { agentIso, agentCommandLine } = model.files;
    if (agentIso === undefined || client.mac === undefined) return undefined;
    const host = hostByMac.get(client.mac);
    const args = agentArguments({ mac: client.mac, token, agentCommandLine: `${agentCommandLine} ${host?.agentNetwork ?? ''}`, host });
    const bytes = kernelLine(args, agentIso.lineBytes);
    return bytes === undefined ? 'too-long' : { start: agentIso.lineStart, bytes };
  }

  async #sendFile(call: Call, served: ServedFile, patch: Patch | undefined): Promise<void> {
    // Another line makes other bytes: a client that goes on with a range must not mix them.
    const file = patch === undefined ? served : { ...served, etag: patchedEtag(served.etag, patch) };
    const { request, response } = call;
    const { headers } = request;
    const answer = answerFileRequest(
      {
        range: headers.range,
        ifRange: headers['if-range'] as string | undefined,
        ifNoneMatch: headers['if-none-match'],
        ifModifiedSince: headers['if-modified-since'],
        ifMatch: headers['if-match'],
      },
      file,
    );
    const common = {
      etag: file.etag,
      'last-modified': new Date(file.modifiedMs).toUTCString(),
      'accept-ranges': 'bytes',
      'cache-control': 'no-cache',
    };
    this.#options.counters.add(`http.status.${answer.status}`);
    if (answer.status === 304) return void response.writeHead(304, common).end();
    if (answer.status === 412) return sendText(call, 412, 'The file has changed since.\n', common);
    if (answer.status === 416)
      return sendText(call, 416, 'The range lies behind the end of the file.\n', {
        ...common,
        'content-range': `bytes */${file.sizeBytes}`,
      });
    response.writeHead(answer.status, {
      ...common,
      'content-type': CONTENT_TYPES[extname(call.shownPath)] ?? 'application/octet-stream',
      'content-length': answer.length,
      ...(answer.status === 206 ? { 'content-range': `bytes ${answer.start}-${answer.start + answer.length - 1}/${file.sizeBytes}` } : {}),
    });
    if (request.method === 'HEAD') return void response.end();
    tellFileStart(this.#options, call, { start: answer.start, bytes: answer.length });
    const { system } = this.#options;
    const { sentBytes: sent, outcome } =
      patch === undefined
        ? await sendFile(system, response, file.handle, answer.start, answer.length)
        : await sendFileBytes(response, patchedFile(file.handle, patch), answer.start, answer.length);
    this.#options.counters.add('http.bytes', sent);
    if (outcome === 'complete') {
      response.end();
      this.#options.counters.add('http.complete');
    } else {
      response.destroy();
      this.#options.counters.add('http.aborted');
    }
    tellFile(this.#options, call, { outcome, start: answer.start, sent, wanted: answer.length });
  }
}

function createBootServer(options: BootHttpOptions, http: BootHttp) {
  const server = createServer({ keepAliveTimeout: 15_000 }, (request, response) => {
    http.answer(request, response).catch((error: unknown) => {
      options.counters.add('http.internal-error');
      options.logger.error({ err: error }, 'a boot file could not be sent');
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-type': 'text/plain' }).end('The boot server could not read the file; its log says why.\n');
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(STALL_MS);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    options.counters.add(error.code?.startsWith('HPE_') ? 'http.drop.malformed' : 'http.drop.reset');
    socket.destroy();
  });
  server.on('drop', () => options.counters.add('http.drop.busy'));
  return server;
}

/** Rejects when the port cannot be had. Listens on IPv6 too where it listens on all addresses and the host has IPv6. */
export async function startBootHttpServer(options: BootHttpOptions): Promise<BootHttpServer> {
  const http = new BootHttp(options);
  const servers: Server[] = [];
  const open = async (port: number, host: string) => {
    const server = createBootServer(options, http);
    const listening = once(server, 'listening');
    server.listen({ port, host, ipv6Only: host === '::' });
    await listening;
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  const port = await open(options.port, options.address);
  if (options.address === '0.0.0.0')
    await open(port, '::').catch((error: unknown) => options.logger.warn({ err: error }, 'boot files are not served over IPv6'));
  return {
    port,
    async stop() {
      await Promise.all(
        servers.map(async (server) => {
          const closed = once(server, 'close');
          server.close();
          server.closeAllConnections();
          await closed;
        }),
      );
    },
  };
}
