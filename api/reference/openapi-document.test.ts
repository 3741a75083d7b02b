import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiDocument, summaryOf, tagOf } from './openapi-document.ts';
import type { ApiOperation } from './operation-list.ts';

interface Shown {
  readonly parameters: readonly { name: string; in: string }[];
  readonly security: readonly object[];
  readonly 'x-openstack-min-microversion'?: string;
}

const operation = (method: ApiOperation['method'], path: string, more: Partial<ApiOperation> = {}): ApiOperation => ({
  service: path.startsWith('/v3') ? 'Identity v3' : 'Bare Metal v1',
  method,
  path,
  query: [],
  needsLogin: true,
  ...more,
});

const cases: readonly [ApiOperation['method'], string, string, string][] = [
  ['GET', '/baremetal/v1/nodes', 'List nodes', 'Bare Metal v1: nodes'],
  ['GET', '/baremetal/v1/nodes/{node}', 'Show one of nodes', 'Bare Metal v1: nodes'],
  ['PUT', '/baremetal/v1/nodes/{node}/states/power', 'Set power (nodes / states)', 'Bare Metal v1: nodes'],
  ['DELETE', '/v3/projects/{project_id}/tags', 'Delete tags (projects)', 'Identity v3: projects'],
  ['POST', '/v3/auth/tokens', 'Create in tokens (auth)', 'Identity v3: auth'],
];
for (const [method, path, summary, tag] of cases)
  test(`${method} ${path}`, () => {
    assert.equal(summaryOf(operation(method, path)), summary);
    assert.equal(tagOf(operation(method, path)), tag);
  });

test('parameters, versions and logins are told', () => {
  const document = openApiDocument(
    [
      operation('GET', '/baremetal/v1/nodes/{node}/firmware', { since: '1.86', query: ['fields'] }),
      operation('POST', '/v3/auth/tokens', { needsLogin: false }),
    ],
    '1.2.3',
  ) as unknown as { paths: Record<string, Record<string, Shown>> };
  const shown = document.paths['/baremetal/v1/nodes/{node}/firmware']!['get']!;
  assert.deepEqual(
    shown.parameters.map((each) => `${each.in} ${each.name}`),
    ['path node', 'query fields', 'header X-OpenStack-Ironic-API-Version'],
  );
  assert.equal(shown['x-openstack-min-microversion'], '1.86');
  assert.deepEqual(document.paths['/v3/auth/tokens']!['post']!.security, []);
});
