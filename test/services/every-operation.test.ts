import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SERVICES } from '../../api/services.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** Over every operation of every service that is data: strangers are turned away, and nonsense is refused in words. */
let serve: ServeProcess;
const data = mkdtempSync(join(tmpdir(), 'rackwright-services-'));
before(async () => {
  serve = await startServe(data);
});
after(async () => {
  await serve.kill('SIGTERM');
  rmSync(data, { recursive: true, force: true });
});

const operations = SERVICES.flatMap(({ prefix, type, routes }) =>
  routes.map((route) => ({ ...route, url: `${prefix}${route.path}`, type })),
);
const filled = (url: string, value: string) => url.replace(/:[a-z_A-Z]+/g, encodeURIComponent(value));
const LATEST = { 'openstack-api-version': 'placement latest, compute latest' };

const send = async (method: string, url: string, headers: Record<string, string>, body?: string | Buffer) => {
  const response = await fetch(`${serve.endpoint}${url}`, {
    method,
    headers: { ...LATEST, ...headers },
    ...(body === undefined || method === 'GET' || method === 'HEAD' ? {} : { body: body as unknown as string }),
    redirect: 'manual',
  });
  return { status: response.status, text: await response.text() };
};

test('without a login every operation is 401, but for what is open by name', async () => {
  for (const { method, url, open } of operations) {
    const { status } = await send(
      method,
      filled(url, '00000000-0000-0000-0000-000000000001'),
      { 'content-type': 'application/json' },
      '{}',
    );
    if (open) assert.ok(status < 400, `${method} ${url}: ${status}`);
    else assert.equal(status, 401, `${method} ${url}`);
  }
});

const NAMES = ['00000000-0000-0000-0000-000000000001', "' or 1=1 --", '../../etc/passwd', '\u0000', '☃'.repeat(300), '%', 'null', '-1'];
const BODIES: readonly (readonly [type: string, body: string])[] = [
  ['application/json', '{}'],
  ['application/json', '[]'],
  ['application/json', 'null'],
  ['application/json', '"text"'],
  ['application/json', '{"a":'],
  ['application/json', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['application/json', '{"__proto__": {"x": 1}, "name": 7, "method": [], "tags": {}, "allocations": 3}'],
  ['application/json', '{"name": "a\\u0000b"}'],
  ['application/octet-stream', '\u0001\u0002'],
  ['application/openstack-images-v2.1-json-patch', '[{"op": "add", "path": "/__proto__/x", "value": 1}]'],
  ['application/openstack-images-v2.1-json-patch', '[{"op": "replace", "path": "/name", "value": {"deep": []}}, 7]'],
];

test('nonsense in any place is never an error of the server', async () => {
  for (const { method, url } of operations) {
    for (const name of url.includes(':') ? NAMES : ['x']) {
      const { status, text } = await send(method, filled(url, name), { ...serve.headers, 'content-type': 'application/json' }, '{}');
      assert.ok(status < 500, `${method} ${url} with ${JSON.stringify(name)}: ${status} ${text}`);
    }
    if (method === 'GET') continue;
    for (const [type, body] of BODIES) {
      const { status, text } = await send(method, filled(url, NAMES[0]!), { ...serve.headers, 'content-type': type }, body);
      assert.ok(status < 500, `${method} ${url} with ${type} ${body.slice(0, 80)}: ${status} ${text}`);
    }
  }
});

test('nonsense in a query is never an error of the server', async () => {
  const values = ['', '0', '-1', 'x', '99999999999999999999', "';--", '\u0000', 'in:', 'gt:never', 'in:"'];
  for (const { method, url, query = [] } of operations.filter((one) => one.method === 'GET')) {
    for (const name of [...query, 'unknown_argument']) {
      for (const value of values) {
        const { status, text } = await send(method, `${filled(url, NAMES[0]!)}?${name}=${encodeURIComponent(value)}`, serve.headers);
        assert.ok(status < 500, `${method} ${url}?${name}=${value}: ${status} ${text}`);
      }
    }
  }
});
