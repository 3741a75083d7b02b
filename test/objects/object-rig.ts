import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** A control plane, and tenants who keep objects in it. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly bytes: Buffer;
  readonly headers: Headers;
}

type Send = (
  method: string,
  path: string,
  options?: { headers?: Record<string, string>; body?: string | Buffer; redirect?: 'manual' | 'follow' },
) => Promise<Reply>;

export interface Tenant {
  readonly projectId: string;
  readonly projectName: string;
  readonly userId: string;
  /** `AUTH_` and the project's id. */
  readonly account: string;
  readonly token: string;
  /** Below the account: `/container/object?query`. */
  readonly send: Send;
}

export interface ObjectRig {
  serve(): ServeProcess;
  readonly data: string;
  /** From the server's root, as nobody. */
  readonly anonymous: Send;
  tenant(name: string, role?: string): Promise<Tenant>;
  restart(signal: NodeJS.Signals): Promise<void>;
  /** Ids of the files that hold bytes of objects, and names of unfinished uploads. */
  files(): string[];
  incoming(): string[];
  /** What the audit finds, by check. */
  audit(): Promise<Record<string, readonly string[]>>;
  close(): Promise<void>;
}

export async function startObjectRig(): Promise<ObjectRig> {
  const data = mkdtempSync(join(tmpdir(), 'rackwright-objects-'));
  let serve = await startServe(data);
  const sender =
    (prefix: string, common: Record<string, string>): Send =>
    async (method, path, { headers = {}, body, redirect = 'manual' } = {}) => {
      const response = await fetch(`${serve.endpoint}${prefix}${path}`, {
        method,
        headers: { ...common, ...headers },
        redirect,
        ...(body === undefined ? {} : { body: body as string }),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      return { status: response.status, bytes, text: bytes.toString(), headers: response.headers };
    };
  const roleId = async (name: string): Promise<string> => {
    const there = (await serve.call('GET', `/v3/roles?name=${name}`)).body['roles'] as { id: string }[];
    if (there[0] !== undefined) return there[0].id;
    return ((await serve.call('POST', '/v3/roles', { role: { name } })).body['role'] as { id: string }).id;
  };
  const filesIn = (folder: string, keep: (name: string) => boolean): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && keep(entry.parentPath))
      .map(({ name }) => name);
  const objects = join(data, 'objects');
  return {
    serve: () => serve,
    data,
    anonymous: (...call) => sender('', {})(...call),
    async tenant(name, role = 'member') {
      const admin = (method: string, path: string, body?: unknown) => serve.call(method, `/v3${path}`, body);
      const projectId = ((await admin('POST', '/projects', { project: { name } })).body['project'] as { id: string }).id;
      const userId = ((await admin('POST', '/users', { user: { name, password: 'a long password' } })).body['user'] as { id: string }).id;
      assert.equal((await admin('PUT', `/projects/${projectId}/users/${userId}/roles/${await roleId(role)}`)).status, 204);
      const response = await fetch(`${serve.endpoint}/v3/auth/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          auth: {
            identity: { methods: ['password'], password: { user: { id: userId, password: 'a long password' } } },
            scope: { project: { id: projectId } },
          },
        }),
      });
      const token = response.headers.get('x-subject-token')!;
      const account = `AUTH_${projectId}`;
      return { projectId, projectName: name, userId, account, token, send: sender(`/v1/${account}`, { 'x-auth-token': token }) };
    },
    async restart(signal) {
      await serve.kill(signal);
      serve = await startServe(data);
    },
    files: () => filesIn(objects, (folder) => !folder.includes('incoming')),
    incoming: () => filesIn(objects, (folder) => folder.includes('incoming')),
    async audit() {
      const { body } = await serve.call('GET', '/baremetal/v1/audit');
      return Object.fromEntries((body['checks'] as { check: string; found: string[] }[]).map(({ check, found }) => [check, found]));
    },
    async close() {
      await serve.kill('SIGTERM');
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Until it is so; the test's own time limit ends what never comes. */
export async function eventually<Value>(look: () => Value | Promise<Value>, isSo: (value: Value) => boolean): Promise<Value> {
  const giveUpAt = Date.now() + 30_000;
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    assert.ok(Date.now() < giveUpAt, `it did not come: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
