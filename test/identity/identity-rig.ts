import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** A control plane, and Identity v3 as a client calls it. Values of answers are read as they come: tests say what they expect. */
export type Body = Record<string, never> & { [name: string]: Body };

export interface Reply {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

export interface Cloud {
  readonly serve: ServeProcess;
  readonly data: string;
  readonly admin: string;
  call(token: string | undefined, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** The token's text. */
  login(auth: object): Promise<string>;
  /** A project with a user who has the given roles there. */
  tenant(name: string, roles: readonly string[], domainId?: string): Promise<Tenant>;
  close(): Promise<void>;
}

export interface Tenant {
  readonly projectId: string;
  readonly userId: string;
  readonly token: string;
  readonly password: string;
}

export const passwordOf = (user: object, password: string, scope?: object | 'unscoped') => ({
  identity: { methods: ['password'], password: { user: { ...user, password } } },
  ...(scope === undefined ? {} : { scope }),
});

export async function startCloud(options: { args?: readonly string[] } = {}): Promise<Cloud> {
  const data = mkdtempSync(join(tmpdir(), 'rw-identity-'));
  const serve = await startServe(data, { args: options.args ?? [] });
  const administrator = JSON.parse(readFileSync(join(data, 'administrator.json'), 'utf8')) as { password: string };
  const call: Cloud['call'] = async (token, method, path, body, headers = {}) => {
    const response = await fetch(`${serve.endpoint}/v3${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(token === undefined ? {} : { 'x-auth-token': token }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = text !== '' && (response.headers.get('content-type') ?? '').includes('json');
    return { status: response.status, body: (json ? JSON.parse(text) : { text }) as Body, headers: response.headers };
  };
  const login = async (auth: object) => {
    const reply = await call(undefined, 'POST', '/auth/tokens', { auth });
    if (reply.status !== 201) throw new Error(`no token: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.headers.get('x-subject-token')!;
  };
  const admin = await login(
    passwordOf({ name: 'admin', domain: { id: 'default' } }, administrator.password, {
      project: { name: 'admin', domain: { id: 'default' } },
    }),
  );
  const made = async (path: string, noun: string, body: object): Promise<string> => {
    const reply = await call(admin, 'POST', path, { [noun]: body });
    if (reply.status !== 201) throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return String(reply.body[noun]!['id']);
  };
  return {
    serve,
    data,
    admin,
    call,
    login,
    async tenant(name, roles, domainId = 'default') {
      const password = `pw-${name}`;
      const projectId = await made('/projects', 'project', { name, domain_id: domainId });
      const userId = await made('/users', 'user', { name, domain_id: domainId, password });
      const known = (await call(admin, 'GET', '/roles')).body['roles'] as unknown as { id: string; name: string }[];
      for (const role of roles)
        await call(admin, 'PUT', `/projects/${projectId}/users/${userId}/roles/${known.find((one) => one.name === role)!.id}`);
      const token = await login(passwordOf({ id: userId }, password, { project: { id: projectId } }));
      return { projectId, userId, token, password };
    },
    async close() {
      await serve.kill('SIGTERM');
      rmSync(data, { recursive: true, force: true });
    },
  };
}
