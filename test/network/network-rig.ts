import assert from 'node:assert/strict';
import { startCloud, type Cloud, type Tenant } from '../identity/identity-rig.ts';

/** A control plane of its own and its Network API, as a project or as the administrator. */
export type Shown = Record<string, unknown> & { readonly id: string };
export interface Answer {
  readonly status: number;
  readonly body: Record<string, Record<string, unknown> & Shown[] & Shown>;
}
export interface NetworkRig {
  readonly cloud: Cloud;
  readonly admin: string;
  tenant(name: string, roles?: readonly string[]): Promise<Tenant>;
  call(token: string, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  expect(
    status: number,
    token: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer['body']>;
  /** POST of one, shown. */
  make(token: string, path: string, member: string, values: object): Promise<Shown>;
  /** A network with one IPv4 subnet. */
  net(token: string, cidr: string, more?: object): Promise<{ network: Shown; subnet: Shown }>;
  close(): Promise<void>;
}

export async function startNetworkRig(options: { args?: readonly string[] } = {}): Promise<NetworkRig> {
  const cloud = await startCloud(options);
  const call: NetworkRig['call'] = async (token, method, path, body, headers = {}) => {
    const { status, body: answer } = await cloud.serve.call(method, `/networking${path}`, body, {
      authorization: '',
      'x-auth-token': token,
      ...headers,
    });
    return { status, body: answer as unknown as Answer['body'] };
  };
  const expect: NetworkRig['expect'] = async (status, token, method, path, body, headers) => {
    const answer = await call(token, method, path, body, headers);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const make: NetworkRig['make'] = async (token, path, member, values) =>
    (await expect(201, token, 'POST', `/v2.0${path}`, { [member]: values }))[member]!;
  return {
    cloud,
    admin: cloud.admin,
    tenant: (name, roles = ['member']) => cloud.tenant(name, roles),
    call,
    expect,
    make,
    async net(token, cidr, more = {}) {
      const network = await make(token, '/networks', 'network', { name: `net of ${cidr}` });
      const subnet = await make(token, '/subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr, ...more });
      return { network, subnet };
    },
    close: () => cloud.close(),
  };
}
