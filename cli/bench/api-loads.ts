import type { JsonObject } from '../../core/base/json.ts';
import type { Load } from './measure.ts';

/*
 * The loads of `bench api`: what a cloud's day is made of at the Identity and Bare Metal APIs, on fake hardware, so that
 * only the control plane is measured.
 */
export interface BenchTarget {
  /** `http://H:P` */
  readonly base: string;
  readonly password: string;
  readonly nodes: number;
  /** How long a repeated read goes on. */
  readonly readSeconds: number;
}

export type ApiCall = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<{ body: JsonObject; headers: Headers }>;

const READS_AT_ONCE = 8;

export function createApiCall(target: BenchTarget, token: () => string): ApiCall {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${target.base}${path}`, {
      method,
      headers: {
        ...(token() === '' ? {} : { 'x-auth-token': token() }),
        'x-openstack-ironic-api-version': '1.72',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    return { body: text === '' ? {} : (JSON.parse(text) as JsonObject), headers: response.headers };
  };
}

export const passwordLogin = (password: string): JsonObject => ({
  auth: {
    identity: { methods: ['password'], password: { user: { name: 'admin', domain: { name: 'Default' }, password } } },
    scope: projectScope,
  },
});
const projectScope: JsonObject = { project: { name: 'admin', domain: { name: 'Default' } } };

export function identityLoads(call: ApiCall, target: BenchTarget, token: string): Load[] {
  const tokenLogin = { auth: { identity: { methods: ['token'], token: { id: token } }, scope: projectScope } };
  const repeated = { concurrency: READS_AT_ONCE, seconds: target.readSeconds };
  return [
    { name: 'token issue, password', ...repeated, call: () => call('POST', '/v3/auth/tokens', passwordLogin(target.password)) },
    { name: 'token issue, token to token', ...repeated, call: () => call('POST', '/v3/auth/tokens', tokenLogin) },
    { name: 'token validate', ...repeated, call: () => call('GET', '/v3/auth/tokens', undefined, { 'x-subject-token': token }) },
  ];
}

/** Fills `uuids`; the later loads read and change those nodes. */
export function baremetalLoads(call: ApiCall, target: BenchTarget, uuids: string[]): Load[] {
  const nodes = '/baremetal/v1/nodes';
  const any = (index: number) => uuids[index % uuids.length]!;
  const repeated = { concurrency: READS_AT_ONCE, seconds: target.readSeconds };
  const once = { concurrency: READS_AT_ONCE, calls: target.nodes };
  const enroll = async (index: number) => {
    const properties = { cpus: 32, memory_mb: 262_144, local_gb: 960, cpu_arch: 'x86_64' };
    const node = { name: `bench-${index}`, driver: 'fake-hardware', resource_class: 'bench', properties };
    uuids.push(String((await call('POST', nodes, node)).body['uuid']));
  };
  return [
    { name: 'enroll a node', ...once, call: enroll },
    { name: 'GET one node', ...repeated, call: (index) => call('GET', `${nodes}/${any(index)}`) },
    { name: `GET nodes?detail, ${target.nodes} nodes`, ...repeated, call: () => call('GET', `${nodes}?detail=true&limit=1000`) },
    {
      name: 'PATCH a node',
      ...once,
      call: (index) => call('PATCH', `${nodes}/${any(index)}`, [{ op: 'add', path: '/extra/k', value: String(index) }]),
    },
  ];
}

/** A verb on every node, to its end: until all of them are in the state. */
export function wholeFleetLoad(
  call: ApiCall,
  target: BenchTarget,
  uuids: readonly string[],
  verb: 'manage' | 'provide',
  state: string,
): Load {
  const missing = async () =>
    target.nodes -
    ((await call('GET', `/baremetal/v1/nodes?provision_state=${state}&fields=uuid&limit=1000`)).body['nodes'] as unknown[]).length;
  return {
    name: `${verb}: all ${target.nodes} ${state}`,
    concurrency: READS_AT_ONCE,
    calls: target.nodes,
    async call(index) {
      await call('PUT', `/baremetal/v1/nodes/${uuids[index]}/states/provision`, { target: verb });
      if (index < target.nodes - 1) return;
      while ((await missing()) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    },
  };
}
