import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { JsonObject } from '../../core/base/json.ts';
import type { ApiCall, BenchTarget } from './api-loads.ts';
import type { Load } from './measure.ts';

/** The loads of `bench api` at Placement, Network v2.0 and Image v2. */
const AT_ONCE = 8;
const PROVIDERS = 1000;
const CLAIMS = 500;
const RECORDS = 100;
const PORTS = 500;
const MIB = 2 ** 20;
const IMAGE_MIB = 1024;
const PLACEMENT = { 'openstack-api-version': 'placement 1.36' };

export function placementLoads(call: ApiCall, target: BenchTarget): Load[] {
  const providers: string[] = [];
  const repeated = { concurrency: AT_ONCE, seconds: target.readSeconds };
  const wanted = '/placement/allocation_candidates?resources=VCPU:2,MEMORY_MB:4096';
  const get = (path: string) => call('GET', path, undefined, PLACEMENT);
  return [
    {
      name: 'provider with inventories',
      concurrency: AT_ONCE,
      calls: PROVIDERS,
      async call() {
        const uuid = randomUUID();
        await call('POST', '/placement/resource_providers', { name: uuid, uuid }, PLACEMENT);
        const inventories = { VCPU: { total: 64 }, MEMORY_MB: { total: 262_144 }, DISK_GB: { total: 2000 } };
        await call('PUT', `/placement/resource_providers/${uuid}/inventories`, { resource_provider_generation: 0, inventories }, PLACEMENT);
        providers.push(uuid);
      },
    },
    { name: 'allocation candidates, limit 10', ...repeated, call: () => get(`${wanted}&limit=10`) },
    { name: 'allocation candidates, limit 1000', ...repeated, call: () => get(`${wanted}&limit=1000`) },
    {
      name: 'claim',
      concurrency: AT_ONCE,
      calls: CLAIMS,
      call: (index) => {
        const allocations = { [providers[index]!]: { resources: { VCPU: 1, MEMORY_MB: 512 } } };
        const claim = { allocations, project_id: 'bench', user_id: 'bench', consumer_generation: null };
        return call('PUT', `/placement/allocations/${randomUUID()}`, claim, PLACEMENT);
      },
    },
    { name: 'list 1000 providers', ...repeated, call: () => get('/placement/resource_providers') },
  ];
}

/** `network` is a network with one subnet that has room for all ports. */
export async function networkLoads(call: ApiCall, target: BenchTarget): Promise<Load[]> {
  const post = (path: string, body: JsonObject) => call('POST', `/networking/v2.0/${path}`, body);
  const { network } = (await post('networks', { network: { name: 'bench' } })).body as { network: { id: string } };
  await post('subnets', { subnet: { network_id: network.id, cidr: '10.200.0.0/16', ip_version: 4 } });
  return [
    { name: 'create a port', concurrency: AT_ONCE, calls: PORTS, call: () => post('ports', { port: { network_id: network.id } }) },
    {
      name: 'list ports',
      concurrency: AT_ONCE,
      seconds: target.readSeconds,
      call: () => call('GET', `/networking/v2.0/ports?network_id=${network.id}`),
    },
  ];
}

export function imageLoads(call: ApiCall, target: BenchTarget, token: string): Load[] {
  const record = async (name: string) => {
    const { body } = await call('POST', '/image/v2/images', { name, disk_format: 'raw', container_format: 'bare' });
    return String(body['id']);
  };
  const bytes = (id: string, init: RequestInit) =>
    fetch(`${target.base}/image/v2/images/${id}/file`, {
      ...init,
      headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream' },
    });
  let big = '';
  return [
    { name: 'create an image record', concurrency: AT_ONCE, calls: RECORDS, call: (index) => record(`bench-${index}`) },
    {
      name: 'upload 1 GiB',
      concurrency: 1,
      calls: 2,
      async call() {
        big = await record('bench-big');
        const block = randomBytes(MIB);
        const stream = Readable.from(
          (function* () {
            for (let count = 0; count < IMAGE_MIB; count += 1) yield block;
          })(),
        );
        const answer = await bytes(big, {
          method: 'PUT',
          body: Readable.toWeb(stream) as RequestInit['body'],
          duplex: 'half',
        } as RequestInit);
        if (!answer.ok) throw new Error(`the upload was refused: ${answer.status} ${await answer.text()}`);
      },
    },
    {
      name: 'download 1 GiB',
      concurrency: 1,
      calls: 2,
      async call() {
        const answer = await bytes(big, {});
        for await (const _ of answer.body!) continue;
      },
    },
  ];
}
