import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessRuleAllows } from './access-rule-policy.ts';

for (const [path, asked, wanted] of [
  ['/v1/nodes', '/baremetal/v1/nodes', true],
  ['/baremetal/v1/nodes', '/baremetal/v1/nodes', true],
  ['/v1/nodes', '/baremetal/v1/nodes/x', false],
  ['/v1/nodes/{id}', '/baremetal/v1/nodes/x', true],
  ['/v1/nodes/*', '/baremetal/v1/nodes/x', true],
  ['/v1/nodes/*', '/baremetal/v1/nodes/x/states', false],
  ['/v1/nodes/**', '/baremetal/v1/nodes/x/states', true],
  ['/v1/nodes/{id}/states/*', '/baremetal/v1/nodes/x/states/power', true],
  ['/v1/nodes.', '/baremetal/v1/nodesx', false],
  ['/v1/(nodes', '/baremetal/v1/(nodes', true],
] as const) {
  test(`${path} ${wanted ? 'covers' : 'does not cover'} ${asked}`, () => {
    assert.equal(accessRuleAllows({ service: 'baremetal', method: 'GET', path }, 'baremetal', 'GET', asked), wanted);
    assert.equal(accessRuleAllows({ service: 'baremetal', method: 'GET', path }, 'baremetal', 'POST', asked), false);
    assert.equal(accessRuleAllows({ service: 'compute', method: 'GET', path }, 'baremetal', 'GET', asked), false);
  });
}

test('a rule of many gaps is judged as fast as any', () => {
  const rule = { service: 'x', method: 'GET', path: `/${'**a'.repeat(70)}` };
  assert.equal(accessRuleAllows(rule, 'x', 'GET', `/${'a'.repeat(4000)}b`), false);
  assert.equal(accessRuleAllows({ ...rule, path: `/${'*'.repeat(200)}` }, 'x', 'GET', `/${'a'.repeat(4000)}`), true);
});
