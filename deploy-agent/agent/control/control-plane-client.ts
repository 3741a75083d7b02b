import { createHash } from 'node:crypto';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { storableJson, type Json } from '../../../core/base/json.ts';
import { AGENT_TOKEN_HEADER, BOOT_TOKEN_HEADER } from '../../protocol.ts';

/**
 * HTTPS to the control plane. There is no certificate authority in a ramdisk: the one certificate that is believed is the
 * one whose digest the kernel command line names, and nothing is sent before it was seen.
 */
export interface ControlPlaneAnswer {
  readonly status: number;
  readonly body: Json;
}

/** A long poll waits 25 s on the server; anything much longer is a dead connection. */
const ANSWER_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 20_000;
/** Our own control plane's answers are small; more is not from it. */
const ANSWER_BYTES_MAX = 64 * 2 ** 20;

class PinnedAgent extends Agent {
  readonly #pin: string;
  constructor(pin: string) {
    super({ keepAlive: true, maxSockets: 4 });
    this.#pin = pin;
  }
  override createConnection(
    options: { host?: string; port?: number | string },
    callback?: (error: Error | null, socket: TLSSocket) => void,
  ): undefined {
    const host = options.host ?? '';
    const socket = connect({
      host,
      port: Number(options.port ?? 443),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(isIP(host) ? {} : { servername: host }),
    });
    const fail = (error: Error) => {
      socket.destroy();
      callback?.(error, socket);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(new Error(`no TLS connection with ${host} within ${CONNECT_TIMEOUT_MS / 1000} s`)));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', fail);
      const certificate = socket.getPeerX509Certificate();
      const digest = certificate ? createHash('sha256').update(certificate.raw).digest('hex') : 'none';
      if (digest !== this.#pin)
        return fail(new Error(`the control plane at ${host} shows a certificate that is not the pinned one (${digest.slice(0, 16)}…)`));
      callback?.(null, socket);
    });
    return undefined;
  }
}

export class ControlPlaneClient {
  readonly #api: URL;
  readonly #agent: PinnedAgent;
  readonly #bootToken: string;
  #agentToken: string | undefined;

  constructor(api: URL, pin: string, bootToken: string) {
    this.#api = api;
    this.#agent = new PinnedAgent(pin);
    this.#bootToken = bootToken;
  }

  /** From now on calls carry the node's agent token; undefined goes back to the boot token. */
  useAgentToken(token: string | undefined): void {
    this.#agentToken = token;
  }

  get agentToken(): string {
    return this.#agentToken ?? '';
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects when there was no HTTP answer at all; every status is an answer. */
  call(method: 'GET' | 'POST', path: string, body?: unknown, signal?: AbortSignal): Promise<ControlPlaneAnswer> {
    const payload = body === undefined ? undefined : Buffer.from(storableJson(body));
    const url = new URL(path, this.#api);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        url,
        {
          method,
          agent: this.#agent,
          timeout: ANSWER_TIMEOUT_MS,
          headers: {
            accept: 'application/json',
            ...(this.#agentToken === undefined ? { [BOOT_TOKEN_HEADER]: this.#bootToken } : { [AGENT_TOKEN_HEADER]: this.#agentToken }),
            ...(payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {}),
          },
          ...(signal ? { signal } : {}),
        },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            bytes += chunk.length;
            if (bytes > ANSWER_BYTES_MAX) outgoing.destroy(new Error('the answer is too long'));
          });
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parseBody(Buffer.concat(chunks)) }));
        },
      );
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`${method} ${url.pathname} was not answered within ${ANSWER_TIMEOUT_MS / 1000} s`)),
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }
}

function parseBody(bytes: Buffer): Json {
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(bytes.toString()) as Json;
  } catch {
    return bytes.toString().slice(0, 500);
  }
}
