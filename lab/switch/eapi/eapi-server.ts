import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';
import type { EosCli } from './eos-cli.ts';

/** The leaf switch's management: eAPI (`runCmds` over HTTPS with basic authentication), as a switch has it after `management api http-commands`. */
export interface EapiServer {
  readonly port: number;
  close(): void;
}

export interface EapiServerSettings {
  readonly cli: EosCli;
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly tls: TlsIdentity;
}

const BODY_BYTES_MAX = 1024 * 1024;
/** JSON-RPC 2.0, and EOS's own for a command that failed. */
const CODES = { parse: -32700, request: -32600, method: -32601, command: 1002 } as const;

export async function startEapiServer(settings: EapiServerSettings): Promise<EapiServer> {
  const { cli, username, password, tls } = settings;
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const server = createServer({ key: tls.keyPem, cert: tls.certificatePem }, (request, response) => {
    const send = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.headers.authorization !== expected) return send(401, { error: 'Unauthorized' });
    if (request.url !== '/command-api' || request.method !== 'POST') return send(404, { error: 'Not found' });
    readBody(request).then(
      (text) => send(200, answer(cli, text)),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, settings.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error('too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(cli: EosCli, text: string): object {
  let call: { id?: unknown; method?: unknown; params?: { cmds?: unknown } };
  try {
    call = JSON.parse(text) as typeof call;
  } catch {
    return { jsonrpc: '2.0', id: null, error: { code: CODES.parse, message: 'Unable to parse the request' } };
  }
  const reply = (rest: object) => ({ jsonrpc: '2.0', id: call.id ?? null, ...rest });
  if (call.method !== 'runCmds') return reply({ error: { code: CODES.method, message: `method ${String(call.method)} not found` } });
  const commands = call.params?.cmds;
  if (!Array.isArray(commands) || !commands.every((one) => typeof one === 'string'))
    return reply({ error: { code: CODES.request, message: 'cmds has to be a list of commands' } });
  const { results, error } = cli.run(commands);
  if (error === undefined) return reply({ result: results });
  const at = results.length;
  const message = `CLI command ${at + 1} of ${commands.length} '${commands[at]}' failed: ${error.summary}`;
  return reply({ error: { code: CODES.command, message, data: [...results, { errors: error.reasons }] } });
}
