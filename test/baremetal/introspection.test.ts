import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { introspectionService } from '../../api/introspection-service.ts';
import { startRig, type Answer, type Rig } from './baremetal-rig.ts';

/** ironic-inspector's API as a view over our inspections. */
let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.stop());

const call = (method: string, path: string, body?: unknown, headers = {}): Promise<Answer> =>
  rig.serve.call(method, `/baremetal-introspection${path}`, body, headers) as Promise<Answer>;
async function expect(status: number, method: string, path: string, body?: unknown) {
  const answer = await call(method, path, body);
  assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

test('versions, and a version that is not there', async () => {
  assert.match(JSON.stringify(await expect(200, 'GET', '/')), /"1\.18"/);
  assert.match(JSON.stringify(await expect(200, 'GET', '/v1')), /introspection/);
  const refused = await call('GET', '/v1/introspection', undefined, { 'x-openstack-ironic-inspector-api-version': '1.99' });
  assert.equal(refused.status, 406);
});

test('begun, finished and listed', async () => {
  const node = await rig.node('manageable', { name: 'looked-at' });
  await expect(404, 'GET', `/v1/introspection/${node}`);
  await expect(202, 'POST', '/v1/introspection/looked-at');
  await rig.until(node, (shown) => shown['provision_state'] === 'manageable' && shown['inspection_finished_at'] !== null);
  const status = await expect(200, 'GET', `/v1/introspection/${node}`);
  assert.deepEqual([status['finished'], status['error'], status['state']], [true, null, 'finished']);
  const { introspection } = await expect(200, 'GET', '/v1/introspection?limit=1&state=finished');
  assert.equal((introspection as { uuid: string }[])[0]!.uuid, node);
  assert.deepEqual((await expect(200, 'GET', `/v1/introspection?marker=${node}`))['introspection'], []);
  // A machine that is only its row tells nothing of itself.
  await expect(404, 'GET', `/v1/introspection/${node}/data`);
  await expect(400, 'POST', '/v1/introspection/looked-at?manage_boot=0');
});

test('given up by an operator: the machine is switched off, and the reason is there', async () => {
  const node = await rig.node('manageable', { driver_info: { fake_boot_delay: '60' } });
  await expect(202, 'POST', `/v1/introspection/${node}`);
  assert.equal((await expect(200, 'GET', `/v1/introspection/${node}`))['finished'], false);
  await expect(202, 'POST', `/v1/introspection/${node}/abort`);
  const failed = await rig.until(node, (shown) => shown['reservation'] === null && shown['power_state'] === 'power off');
  assert.equal(failed['provision_state'], 'inspect failed');
  const status = await expect(200, 'GET', `/v1/introspection/${node}`);
  assert.deepEqual([status['finished'], status['error'], status['state']], [true, 'Canceled by operator', 'error']);
});

test('rules in their old form, beside the new ones', async () => {
  const rule = {
    description: 'd',
    conditions: [{ field: 'memory_mb', op: 'ge', value: 4096 }],
    actions: [{ action: 'set-attribute', path: '/extra/rule_success', value: 'yes' }],
  };
  const made = await expect(201, 'POST', '/v1/rules', rule);
  assert.deepEqual(made['conditions'], rule.conditions);
  await rig.expect(201, 'POST', '/v1/inspection_rules', { actions: [{ op: 'add-trait', args: { name: 'CUSTOM_X' } }] });
  assert.equal(((await expect(200, 'GET', '/v1/rules'))['rules'] as unknown[]).length, 1);
  assert.equal(((await rig.expect(200, 'GET', '/v1/inspection_rules'))['inspection_rules'] as unknown[]).length, 2);
  assert.deepEqual((await expect(200, 'GET', `/v1/rules/${made['uuid'] as string}`))['actions'], rule.actions);
  await expect(400, 'POST', '/v1/rules', { ...rule, conditions: [{ field: 'x', op: 'near' }] });
  await expect(400, 'POST', '/v1/rules', { actions: [{ action: 'set-attribute', path: '/provision_state', value: 'x' }] });
  await expect(204, 'DELETE', `/v1/rules/${made['uuid'] as string}`);
  await expect(404, 'GET', `/v1/rules/${made['uuid'] as string}`);
  await expect(204, 'DELETE', '/v1/rules');
  assert.equal(((await rig.expect(200, 'GET', '/v1/inspection_rules'))['inspection_rules'] as unknown[]).length, 1);
});

const WORDS = ['x', "' or 1=1", '%00', 'ä', 'a'.repeat(300), '00000000-0000-0000-0000-000000000000'];
test('every operation: nonsense is refused, and nobody without a login gets in', async () => {
  for (const { method, path, open } of introspectionService.routes) {
    if (open === true) continue;
    for (const word of WORDS) {
      const at = path.replace(/:\w+/, word.startsWith('%') ? word : encodeURIComponent(word));
      for (const body of method === 'POST' ? [undefined, {}, [], 'x', { actions: 1 }, { uuid: 'x', actions: [{}] }] : [undefined]) {
        const answer = await call(method, at, body);
        assert.ok(answer.status < 500, `${method} ${at}: ${answer.status}`);
        if (path.includes(':')) assert.ok(answer.status >= 400, `${method} ${at}: ${answer.status}`);
      }
    }
    assert.equal((await call(method, path.replace(/:\w+/, 'x'), undefined, { authorization: '' })).status, 401);
  }
});
