import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ANY_INTERFACE,
  ANY_PHASE,
  planAutomatic,
  planDeploy,
  planRequested,
  stepName,
  type DeclaredStep,
  type StepPlan,
} from './step-plan-policy.ts';

const declare = (phase: string, name: string, priority: number, more: Partial<DeclaredStep> = {}): DeclaredStep => {
  const [of = '', step = ''] = name.split('.');
  return { phase, interface: of, step, priority, abortable: true, rebootRequested: false, argsinfo: {}, inBand: true, ...more };
};
const DECLARED: readonly DeclaredStep[] = [
  declare('clean', 'deploy.erase_devices', 0),
  declare('clean', 'deploy.erase_devices_metadata', 99),
  declare('clean', 'raid.delete_configuration', 0, { argsinfo: { force: { required: false } } }),
  declare('deploy', 'deploy.write_image', 80),
  declare('deploy', 'deploy.sync_and_stop', 30),
  declare('deploy', 'bios.apply', 0, { argsinfo: { settings: { required: true } } }),
  declare('deploy', 'deploy.boot_instance', 20, { inBand: false }),
  declare(ANY_PHASE, `${ANY_INTERFACE}.hold`, 0, { inBand: false }),
];

const names = (plan: StepPlan) => ('problem' in plan ? plan.problem : plan.steps.map(stepName));

describe('automatic cleaning', () => {
  test('takes what has a priority', () => assert.deepEqual(names(planAutomatic(DECLARED, 'clean')), ['deploy.erase_devices_metadata']));
  test('the installation may raise and drop steps', () =>
    assert.deepEqual(names(planAutomatic(DECLARED, 'clean', { 'deploy.erase_devices': 10, 'deploy.erase_devices_metadata': 0 })), [
      'deploy.erase_devices',
    ]));
  test('a misspelt override is told, not ignored', () =>
    assert.match(
      String(names(planAutomatic(DECLARED, 'clean', { 'deploy.erase_disks': 10 }))),
      /no clean step deploy\.erase_disks.*Known: deploy\.erase_devices/,
    ));
  test('equal priorities: management before deploy before raid', () => {
    const equal = ['raid.a', 'deploy.b', 'management.c', 'power.d'].map((name) => declare('clean', name, 50));
    assert.deepEqual(names(planAutomatic(equal, 'clean')), ['power.d', 'management.c', 'deploy.b', 'raid.a']);
  });
});

describe('what a person asks for', () => {
  const ask = (name: string, more: object = {}) => {
    const [of = '', step = ''] = name.split('.');
    return { interface: of, step, ...more };
  };
  test('runs in the order in which it was asked for, holds included', () =>
    assert.deepEqual(
      names(planRequested(DECLARED, 'clean', [ask('raid.delete_configuration'), ask('power.hold'), ask('deploy.erase_devices')])),
      ['raid.delete_configuration', 'power.hold', 'deploy.erase_devices'],
    ));
  test("servicing never does what cleaning does: the disks are a tenant's", () =>
    assert.match(
      String(names(planRequested(DECLARED, 'service', [ask('deploy.erase_devices')]))),
      /no service step deploy\.erase_devices.*Known: hold/,
    ));
  const refused: readonly [string, object[], RegExp][] = [
    ['a step that is not there', [ask('deploy.fly')], /no clean step deploy\.fly/],
    ['a step of another phase', [ask('deploy.write_image')], /no clean step deploy\.write_image/],
    ['an unknown argument', [ask('raid.delete_configuration', { args: { speed: 1 } })], /no argument speed.*It takes: force/],
    ['a step of another interface', [ask('bios.erase_devices')], /no clean step bios\.erase_devices/],
  ];
  for (const [story, steps, problem] of refused)
    test(`${story} is refused by name`, () => assert.match(String(names(planRequested(DECLARED, 'clean', steps as never))), problem));
});

describe('deploying', () => {
  const bios = { interface: 'bios', step: 'apply', args: { settings: {} }, priority: 90 };
  test('what was asked for takes its place among the others', () =>
    assert.deepEqual(names(planDeploy(DECLARED, [bios])), [
      'bios.apply',
      'deploy.write_image',
      'deploy.sync_and_stop',
      'deploy.boot_instance',
    ]));
  test('an argument that must be there', () =>
    assert.match(String(names(planDeploy(DECLARED, [{ ...bios, args: {} }]))), /bios\.apply wants settings/));
  test('the image can not be left out', () =>
    assert.match(String(names(planDeploy(DECLARED, [{ interface: 'deploy', step: 'write_image', priority: 0 }]))), /can not be left out/));
  test('priorities never rise along a plan', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 20 }), (priorities) => {
        const plan = planDeploy(
          priorities.map((priority, at) => declare('deploy', `deploy.s${at}`, priority)),
          [],
        );
        assert.ok('steps' in plan);
        for (let at = 1; at < plan.steps.length; at += 1) assert.ok(plan.steps[at - 1]!.priority >= plan.steps[at]!.priority);
        assert.equal(plan.steps.length, priorities.filter((priority) => priority > 0).length);
      }),
    );
  });
});
