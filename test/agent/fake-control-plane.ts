import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runCommand } from '../../deploy-agent/native-command.ts';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentCommand, AgentLog, AgentReport, InspectionReport } from '../../deploy-agent/protocol.ts';

/** The control plane's side of the agent protocol, as small as it can be: one node, a queue of commands, all that was said. */
export const NODE_UUID = '7f4d3f2a-0d8e-4f0e-9c43-51a20e5d0001';
export const BOOT_TOKEN = 'boot-token';

export interface Identity {
  readonly key: string;
  readonly cert: string;
  readonly pin: string;
}

export async function makeIdentity(): Promise<Identity> {
  const work = await mkdtemp(join(tmpdir(), 'rackwright-identity-'));
  try {
    await runCommand(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=rackwright',
        '-keyout',
        'key.pem',
        '-out',
        'cert.pem',
      ],
      { cwd: work },
    );
    await runCommand('openssl', ['x509', '-in', 'cert.pem', '-outform', 'DER', '-out', 'cert.der'], { cwd: work });
    const der = await readFile(join(work, 'cert.der'));
    return {
      key: await readFile(join(work, 'key.pem'), 'utf8'),
      cert: await readFile(join(work, 'cert.pem'), 'utf8'),
      pin: createHash('sha256').update(der).digest('hex'),
    };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function readJson<T>(request: IncomingMessage): Promise<T> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || 'null') as T;
}

export class FakeControlPlane {
  readonly inspections: InspectionReport[] = [];
  readonly reports: AgentReport[] = [];
  readonly logLines: AgentLog['lines'][number][] = [];
  readonly identity: Identity;
  agentToken = 'agent-token-1';
  bootToken = BOOT_TOKEN;
  heartbeats = 0;
  abortCommand: string | undefined;
  /** Changes each time something arrived. */
  onChange: () => void = () => {};
  #queue: AgentCommand[] = [];
  #server: Server | undefined;
  #port = 0;

  constructor(identity: Identity) {
    this.identity = identity;
  }

  get url(): URL {
    return new URL(`https://127.0.0.1:${this.#port}`);
  }

  async start(host = '127.0.0.1', port = this.#port): Promise<void> {
    const server = createServer(
      { key: this.identity.key, cert: this.identity.cert },
      (request, response) => void this.#handle(request, response),
    );
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** As a killed process: connections break in the middle. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  order(...commands: AgentCommand[]): void {
    this.#queue.push(...commands);
  }

  /** Resolves with the final report of a command. */
  async finalReport(commandId: string): Promise<AgentReport> {
    for (;;) {
      const report = this.reports.find((one) => one.commandId === commandId && one.status !== 'running');
      if (report) return report;
      await new Promise<void>((resolve) => (this.onChange = resolve));
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body?: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
      this.onChange();
    };
    const path = new URL(request.url ?? '/', 'https://x').pathname;
    const hasBootToken = request.headers['x-rackwright-boot-token'] === this.bootToken;
    const hasAgentToken = request.headers['x-rackwright-agent-token'] === this.agentToken;
    if (path === '/baremetal/v1/continue_inspection') {
      if (!hasBootToken) return answer(401);
      this.inspections.push(await readJson<InspectionReport>(request));
      return answer(200, { uuid: NODE_UUID });
    }
    if (path === '/baremetal/v1/lookup')
      return hasBootToken
        ? answer(200, { node: { uuid: NODE_UUID, name: 'n1' }, config: { agent_token: this.agentToken, heartbeat_timeout: 30 } })
        : answer(401);
    if (path === `/baremetal/v1/heartbeat/${NODE_UUID}`) {
      const { agent_token } = await readJson<{ agent_token: string }>(request);
      if (agent_token !== this.agentToken) return answer(401);
      this.heartbeats += 1;
      return answer(202);
    }
    if (!hasAgentToken) return answer(401);
    if (path.endsWith('/command')) return this.#giveCommand(answer);
    if (path.endsWith('/log')) {
      this.logLines.push(...(await readJson<AgentLog>(request)).lines);
      return answer(204);
    }
    const report = await readJson<AgentReport>(request);
    this.reports.push(report);
    if (report.status !== 'running') this.#queue = this.#queue.filter((command) => command.id !== report.commandId);
    return answer(200, { abort: report.status === 'running' && report.commandId === this.abortCommand });
  }

  /** The first command stays in the queue until its report is there: a repeated poll gets it again. */
  async #giveCommand(answer: (status: number, body?: unknown) => void): Promise<void> {
    for (let tries = 0; tries < 40; tries += 1) {
      const [command] = this.#queue;
      if (command) return answer(200, command);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    answer(204);
  }
}
