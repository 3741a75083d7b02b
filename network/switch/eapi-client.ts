import { request } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { parseStorable } from '../../core/base/json.ts';
import type { Secret } from '../../core/base/secret.ts';
import { connectTrusted, UntrustedError, type Trust } from '../../core/transfer/trusted-connection.ts';
import { SwitchError } from './switch-driver.ts';

/*
 * Arista's eAPI ("Command API"): a list of CLI commands as one JSON-RPC 2.0 call `runCmds` over HTTPS, answered by a value for each command; the first that
 * fails ends the list. Each call is a session of its own. The password is sent only once the certificate is the one that is expected.
 */
export interface EapiOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: Secret;
  readonly trust: Trust;
}

export interface EapiClient {
  /** @throws SwitchError with the switch's own words */
  run(commands: readonly string[], signal: AbortSignal): Promise<readonly unknown[]>;
}

/** A commit on a big switch takes seconds. */
const ANSWER_MS_MAX = 60_000;
/** Of `show interfaces switchport` with thousands of interfaces: some 600 bytes each. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const HTTP_UNAUTHORIZED = 401;

export function createEapiClient(options: EapiOptions): EapiClient {
  const where = `${options.host}:${options.port}`;
  let lastId = 0;
  return {
    async run(commands, signal) {
      lastId += 1;
      const params = { version: 1, cmds: commands, format: 'json' };
      const body = JSON.stringify({ jsonrpc: '2.0', method: 'runCmds', params, id: `rackwright-${lastId}` });
      const { status, text } = await post(options, body, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]));
      if (status === HTTP_UNAUTHORIZED)
        throw new SwitchError('untrusted', `${where} does not accept the user ${options.username} with this password`);
      if (status !== 200)
        throw new SwitchError('absent', `${where} answers with HTTP status ${status}: is eAPI on (management api http-commands)?`);
      return resultOf(where, text);
    },
  };
}

function resultOf(where: string, text: string): readonly unknown[] {
  let answer: { result?: unknown; error?: { message?: string; data?: unknown } };
  try {
    answer = parseStorable(text) as typeof answer;
  } catch (cause) {
    throw new SwitchError('absent', `${where} does not answer with JSON`, { cause });
  }
  const { error, result } = answer;
  if (error !== undefined) throw new SwitchError('refused', [error.message ?? 'refused', ...reasonsOf(error.data)].join('; '));
  if (!Array.isArray(result)) throw new SwitchError('absent', `${where} does not answer as eAPI does`);
  return result;
}

/** `data` has an entry for each command that was run; the last one says why. */
function reasonsOf(data: unknown): string[] {
  const last = Array.isArray(data) ? (data.at(-1) as { errors?: unknown } | null) : null;
  return Array.isArray(last?.errors) ? last.errors.map(String) : [];
}

async function post(options: EapiOptions, body: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const socket = await connectTo(options);
  const where = `${options.host}:${options.port}`;
  try {
    return await new Promise((resolve, reject) => {
      const call = request({
        createConnection: () => socket,
        method: 'POST',
        path: '/command-api',
        host: options.host,
        auth: `${options.username}:${options.password.reveal()}`,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close' },
        signal,
      });
      call.on('error', reject);
      call.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) return void call.destroy(new Error('the answer is too long'));
          chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
      });
      call.end(body);
    });
  } catch (error) {
    const isLate = signal.aborted && (signal.reason as Error | undefined)?.name === 'TimeoutError';
    throw new SwitchError('absent', `${where}: ${isLate ? `no answer within ${ANSWER_MS_MAX / 1000} s` : (error as Error).message}`, {
      cause: error,
    });
  } finally {
    socket.destroy();
  }
}

const connectTo = ({ host, port, trust }: EapiOptions): Promise<TLSSocket> =>
  connectTrusted({ host, port, trust }).catch((cause: unknown) => {
    throw new SwitchError(cause instanceof UntrustedError ? 'untrusted' : 'absent', (cause as Error).message, { cause });
  });
