import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  conditionsOf,
  METAL_LACKS,
  SERVER_VERBS,
  statusOf,
  verbRow,
  whyNotNow,
  type ServerState,
  type ServerVerb,
} from './server-machine.ts';

const statuses: readonly (readonly [state: ServerState, task: string | null, status: string])[] = [
  ['building', null, 'BUILD'],
  ['active', null, 'ACTIVE'],
  ['active', 'powering-off', 'ACTIVE'],
  ['active', 'rebooting', 'REBOOT'],
  ['stopped', 'rebooting_hard', 'HARD_REBOOT'],
  ['error', 'rebuilding', 'REBUILD'],
  ['rescued', 'unrescuing', 'RESCUE'],
];
for (const [state, task, status] of statuses)
  test(`${state} with ${task} is ${status}, and a list by ${status} finds it`, () => {
    assert.equal(statusOf({ state, task }), status);
    const found = conditionsOf(status).some(
      (one) =>
        one.state === state && (one.tasks === undefined ? !one.notTasks!.includes(task ?? '') : task !== null && one.tasks.includes(task)),
    );
    assert.ok(found);
  });

test('no status is called so', () => assert.deepEqual(conditionsOf('NO_SUCH'), []));

const rows: readonly (readonly [verb: ServerVerb, state: ServerState, task: string | null, why: RegExp | undefined])[] = [
  ['stop', 'active', null, undefined],
  ['stop', 'stopped', null, /^Cannot 'stop' instance x while it is in vm_state stopped$/],
  ['reboot', 'stopped', null, /vm_state stopped/],
  ['reboot_hard', 'stopped', null, undefined],
  ['reboot_hard', 'active', 'powering-off', /^Cannot 'reboot' instance x while it is in task_state powering-off$/],
  ['resume', 'active', null, /vm_state active/],
];
for (const [verb, state, task, why] of rows)
  test(`${verb} from ${state}${task === null ? '' : ` while ${task}`}: ${why === undefined ? 'yes' : 'no'}`, () => {
    const told = whyNotNow(verb, 'x', { state, task });
    if (why === undefined) assert.equal(told, undefined);
    else assert.match(told!, why);
  });

test('what has no task changes nothing, or is named as lacking, or needs a state that metal never has', () => {
  const unreachable: readonly ServerState[] = ['paused', 'suspended', 'resized', 'shelved', 'shelved_offloaded', 'soft-delete'];
  for (const { verb, task, from } of SERVER_VERBS)
    assert.ok(
      task !== undefined ||
        METAL_LACKS[verb] !== undefined ||
        verbRow(verb).to === undefined ||
        from.every((state) => unreachable.includes(state)),
      verb,
    );
});
