import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startServe } from '../serve/serve-process.ts';

/*
 * Over the OpenAPI document that the server itself serves: every operation gets random requests, drawn from a seed. None may be an error of the
 * server. `FUZZ_SEED` and `FUZZ_ROUNDS` choose others; a failure prints its seed and the request.
 */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 6);
/** These end what the others need, or never end. */
const LEFT_ALONE =
  /^(DELETE|PATCH|PUT|POST) \/v3\/(users|projects|domains|roles|services|endpoints|regions|auth\/tokens|system|role_inferences)|^GET \/baremetal\/v1\/events/;

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TEXTS = [
  '',
  'x',
  '0',
  '-1',
  'null',
  'true',
  "';--",
  '../..',
  '%00',
  '☃',
  '\ud800',
  'a'.repeat(300),
  '00000000-0000-0000-0000-000000000000',
  '2026-02-30T99:99:99Z',
  '10.0.0.0/33',
  'fe80::1%eth0',
  'in:a,b',
  '1e400',
];
const NAMES = [
  'name',
  'id',
  'uuid',
  'description',
  'tags',
  'extra',
  'properties',
  'driver',
  'target',
  'network',
  'networks',
  'network_id',
  'subnet',
  'port',
  'router',
  'security_group',
  'fixed_ips',
  'ip_address',
  'cidr',
  'ip_version',
  'node_uuid',
  'address',
  'traits',
  'steps',
  'state',
  'limit',
  'marker',
  'sort_key',
  'sort_dir',
  'fields',
  'method',
  'op',
  'path',
  'value',
  'allocations',
  'resources',
  'inventories',
  'resource_provider_generation',
  'project_id',
  'user_id',
  'auth',
  'identity',
  'policy',
  'rule',
  '__proto__',
  'constructor',
  '\u0000',
];

function drawing(random: () => number) {
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
  const scalar = (): unknown =>
    pick<() => unknown>([
      () => pick(TEXTS),
      () => null,
      () => random() < 0.5,
      () => Math.floor(random() * 1e6),
      () => -1,
      () => 2 ** 63,
      () => 0.5,
    ])();
  const json = (depth: number): unknown => {
    if (depth === 0 || random() < 0.3) return scalar();
    if (random() < 0.3) return Array.from({ length: Math.floor(random() * 4) }, () => json(depth - 1));
    return Object.fromEntries(Array.from({ length: Math.floor(random() * 5) }, () => [pick(NAMES), json(depth - 1)]));
  };
  return { pick, json };
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly query: readonly string[];
}

test('thousands of random requests over every operation, and no error of the server', async () => {
  const data = mkdtempSync(join(tmpdir(), 'rackwright-fuzz-'));
  const serve = await startServe(data);
  try {
    const document = (await (await fetch(`${serve.endpoint}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
    };
    const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => ({
        method: method.toUpperCase(),
        path,
        query: parameters.filter((one) => one.in === 'query').map((one) => one.name),
      })),
    );
    const random = randomOf(SEED);
    const { pick, json } = drawing(random);
    const ids = [...TEXTS, await aNode(serve)];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { method, path, query } of operations.filter((one) => !LEFT_ALONE.test(`${one.method} ${one.path}`))) {
        const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent(pick(ids).toWellFormed()));
        const asked = query.filter(() => random() < 0.2).map((name) => `${name}=${encodeURIComponent(pick(TEXTS).toWellFormed())}`);
        const url = `${filled}${asked.length === 0 ? '' : `?${asked.join('&')}`}`;
        const hasBody = method !== 'GET' && method !== 'HEAD' && random() < 0.9;
        const body = hasBody ? JSON.stringify(json(4)) : undefined;
        const headers: Record<string, string> = {
          ...serve.headers,
          'x-openstack-ironic-api-version': pick(['latest', 'latest', '1.1', '1.50']),
          'openstack-api-version': pick(['placement latest', 'placement latest', 'placement 1.5', 'placement 1.12']),
          ...(hasBody
            ? {
                'content-type': pick([
                  'application/json',
                  'application/json',
                  'application/json',
                  'text/plain',
                  'application/octet-stream',
                  'application/openstack-images-v2.1-json-patch',
                ]),
              }
            : {}),
        };
        const response = await fetch(`${serve.endpoint}${url}`, {
          method,
          headers,
          redirect: 'manual',
          ...(body === undefined ? {} : { body }),
        });
        const text = await response.text();
        assert.ok(
          response.status < 500,
          `seed ${SEED}, round ${round}: ${method} ${url} ${body ?? ''}\n${response.status} ${text.slice(0, 500)}`,
        );
      }
    }
  } finally {
    await serve.kill('SIGTERM');
    rmSync(data, { recursive: true, force: true });
  }
});

async function aNode(serve: Awaited<ReturnType<typeof startServe>>): Promise<string> {
  const { body } = await serve.call('POST', '/baremetal/v1/nodes', { driver: 'fake-hardware', name: 'fuzzed', resource_class: 'fuzz' });
  return String(body['uuid']);
}
