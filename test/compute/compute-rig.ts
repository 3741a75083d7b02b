import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../core/base/json.ts';
import { startCloud, type Cloud, type Tenant } from '../identity/identity-rig.ts';
import { startServe } from '../serve/serve-process.ts';

/** A control plane of its own with fake machines, an image and a flavor of metal; its Compute API at the newest microversion. */
export interface Answer {
  readonly status: number;
  readonly body: Shown;
  readonly headers: Headers;
}
export type Shown = Record<string, never> & { readonly [name: string]: Shown };

export interface ComputeRig {
  readonly cloud: Cloud;
  readonly image: string;
  call(token: string, method: string, path: string, body?: unknown, version?: string): Promise<Answer>;
  expect(status: number, token: string, method: string, path: string, body?: unknown, version?: string): Promise<Shown>;
  tenant(name: string): Promise<Tenant & { readonly network: string }>;
  /** Fake machines that are available. */
  machines(count: number, fields?: JsonObject): Promise<string[]>;
  /** A flavor of one machine of this class. */
  flavor(id: string, resourceClass: string, specs?: Record<string, string>): Promise<void>;
  server(token: string, fields: object): Promise<string>;
  until(token: string, server: string, wanted: (shown: Shown) => boolean): Promise<Shown>;
  /** Until it is not there any more. */
  untilGone(token: string, server: string): Promise<void>;
  /** `GET` of another service as the administrator. */
  look(path: string): Promise<Shown>;
  /** As the administrator of the whole installation. */
  baremetal(method: string, path: string, body?: unknown): Promise<Shown>;
  untilNodes(wanted: (nodes: readonly Shown[]) => boolean): Promise<void>;
  /** What the audit finds. */
  audit(): Promise<string[]>;
  /** The process is killed with -9, and another one takes its place. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

const PATIENCE_MS = 60_000;
export const FLAVOR = 'metal';
const SIZELESS = { 'resources:VCPU': '0', 'resources:MEMORY_MB': '0', 'resources:DISK_GB': '0' };

export async function startComputeRig(options: { args?: readonly string[] } = {}): Promise<ComputeRig> {
  const cloud = await startCloud(options);
  const { admin } = cloud;
  let { serve } = cloud;
  const call: ComputeRig['call'] = async (token, method, path, body, version = 'latest') => {
    const answer = await serve.call(method, `/compute/v2.1${path}`, body, {
      authorization: '',
      'x-auth-token': token,
      'openstack-api-version': `compute ${version}`,
    });
    return { ...answer, body: answer.body as unknown as Shown };
  };
  const expect: ComputeRig['expect'] = async (status, token, method, path, body, version) => {
    const answer = await call(token, method, path, body, version);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const of = async (token: string, method: string, path: string, body?: unknown): Promise<Shown> => {
    const { status, body: answer } = await serve.call(method, path, body, { authorization: '', 'x-auth-token': token });
    assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer as unknown as Shown;
  };
  const patiently = async <Value>(look: () => Promise<Value | undefined>, what: () => string): Promise<Value> => {
    const giveUpAt = Date.now() + PATIENCE_MS;
    for (;;) {
      const value = await look();
      if (value !== undefined) return value;
      assert.ok(Date.now() < giveUpAt, what());
      await sleep(25);
    }
  };
  const nodes = async () => (await serve.call('GET', '/baremetal/v1/nodes/detail')).body['nodes'] as unknown as Shown[];
  const untilNodes: ComputeRig['untilNodes'] = async (wanted) => {
    let seen: Shown[] = [];
    await patiently(
      async () => (wanted((seen = await nodes())) ? true : undefined),
      () => `the nodes did not get there: ${seen.map((node) => `${String(node['name'])} ${String(node['provision_state'])}`).join(', ')}`,
    );
  };
  const flavor: ComputeRig['flavor'] = async (id, resourceClass, more = {}) => {
    await expect(200, admin, 'POST', '/flavors', { flavor: { name: id, id, ram: 1024, vcpus: 1, disk: 10 } });
    const specs = { ...SIZELESS, ...more, [`resources:${resourceClass}`]: '1' };
    await expect(200, admin, 'POST', `/flavors/${id}/os-extra_specs`, { extra_specs: specs });
  };
  await flavor(FLAVOR, 'CUSTOM_BAREMETAL');
  const image = String(
    (await of(admin, 'POST', '/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare', visibility: 'public' }))['id'],
  );
  const upload = await fetch(`${serve.endpoint}/image/v2/images/${image}/file`, {
    method: 'PUT',
    headers: { 'x-auth-token': admin, 'content-type': 'application/octet-stream' },
    body: Buffer.alloc(4096),
  });
  assert.equal(upload.status, 204);
  return {
    cloud,
    image,
    call,
    expect,
    async tenant(name) {
      const tenant = await cloud.tenant(name, ['member']);
      const network = (await of(tenant.token, 'POST', '/networking/v2.0/networks', { network: { name: `net-${name}` } }))['network']!;
      const id = String(network['id']);
      await of(tenant.token, 'POST', '/networking/v2.0/subnets', { subnet: { network_id: id, ip_version: 4, cidr: '10.9.0.0/24' } });
      return { ...tenant, network: id };
    },
    async machines(count, fields = {}) {
      const made: string[] = [];
      for (let at = 0; at < count; at += 1) {
        const { body } = await serve.call('POST', '/baremetal/v1/nodes', {
          driver: 'fake-hardware',
          network_interface: 'flat',
          resource_class: 'baremetal',
          name: `machine-${(await nodes()).length}`,
          properties: { cpus: 4, memory_mb: 4096, local_gb: 50, cpu_arch: 'x86_64' },
          ...fields,
        });
        const uuid = String(body['uuid']);
        const tail = uuid.slice(-6).match(/../g)!.join(':');
        for (const link of ['01', '02'])
          await serve.call('POST', '/baremetal/v1/ports', { node_uuid: uuid, address: `52:54:${link}:${tail}` });
        made.push(uuid);
      }
      const inState = (state: string) => (all: readonly Shown[]) =>
        made.every((uuid) =>
          all.some((node) => String(node['uuid']) === uuid && String(node['provision_state']) === state && node['reservation'] === null),
        );
      for (const [target, state] of [
        ['manage', 'manageable'],
        ['provide', 'available'],
      ] as const) {
        for (const uuid of made) await serve.call('PUT', `/baremetal/v1/nodes/${uuid}/states/provision`, { target });
        await untilNodes(inState(state));
      }
      return made;
    },
    flavor,
    async server(token, fields) {
      const { server } = await expect(202, token, 'POST', '/servers', {
        server: { name: 's', flavorRef: FLAVOR, imageRef: image, networks: 'auto', ...fields },
      });
      return String(server!['id']);
    },
    async until(token, server, wanted) {
      let shown: Shown | undefined;
      return patiently<Shown>(
        async () => {
          shown = (await expect(200, token, 'GET', `/servers/${server}`))['server']!;
          return wanted(shown) ? shown : undefined;
        },
        () => `${server} did not get there: ${JSON.stringify(shown)}`,
      );
    },
    untilGone: async (token, server) =>
      void (await patiently(
        async () => ((await call(token, 'GET', `/servers/${server}`)).status === 404 ? true : undefined),
        () => `${server} is still there`,
      )),
    look: (path) => of(admin, 'GET', path),
    untilNodes,
    baremetal: async (method, path, body) => (await serve.call(method, `/baremetal/v1${path}`, body)).body as unknown as Shown,
    async audit() {
      const { checks } = (await of(admin, 'GET', '/baremetal/v1/audit')) as unknown as { checks: { check: string; found: string[] }[] };
      return checks.filter(({ found }) => found.length > 0).map(({ check, found }) => `${check}: ${found.join()}`);
    },
    async crash() {
      await serve.kill('SIGKILL');
      serve = await startServe(cloud.data, options);
    },
    async close() {
      await serve.kill('SIGTERM');
      await cloud.close();
    },
  };
}

export const isStatus = (status: string) => (shown: Shown) => String(shown['status']) === status;
