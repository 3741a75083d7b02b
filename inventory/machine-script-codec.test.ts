import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMalformed } from '../core/base/malformed.ts';
import { DEFAULT_SCRIPTS } from './default-scripts.ts';
import { decodeScript, type MachineScript } from './machine-script-codec.ts';
import { batchScripts, BATCH_MAX } from './script-batch-policy.ts';

const script = (lines: readonly string[], { first = '#!/bin/sh', word = 'RACKWRIGHT' } = {}) =>
  [
    first,
    `# --- Start ${word} 1.0 script metadata ---`,
    ...lines.map((line) => `# ${line}`),
    `# --- End ${word} 1.0 script metadata ---`,
    'true',
    '',
  ].join('\n');
const decode = (lines: readonly string[], how = {}): MachineScript => {
  const decoded = decodeScript(script(lines, how));
  assert.ok(!isMalformed(decoded), JSON.stringify(decoded));
  return decoded;
};

test('a name is enough; the rest has its defaults', () => {
  const { content: _content, ...decoded } = decode(['name: plain']);
  assert.deepEqual(decoded, {
    name: 'plain',
    title: '',
    type: 'testing',
    hardware: 'node',
    parallel: 'disabled',
    mayReboot: false,
    byDefault: false,
    timeoutSeconds: 600,
    perDisk: false,
  });
});

test("MAAS's form is read", () => {
  const given = [
    'name: smartish',
    'title: T',
    'script_type: x',
    'type: 0',
    'timeout: 00:01:30',
    'parallel: instance',
    'may_reboot: true',
  ].filter((line) => !line.startsWith('script_type'));
  const decoded = decode([...given, 'parameters:', '  storage:', '    type: storage'], { word: 'MAAS', first: '#!/usr/bin/env node' });
  assert.deepEqual(
    [decoded.type, decoded.timeoutSeconds, decoded.perDisk, decoded.mayReboot, decoded.parallel],
    ['commissioning', 90, true, true, 'instance'],
  );
});

for (const [what, lines, how, reason] of [
  ['no name', ['title: x'], {}, /name/],
  ['a bad name', ['name: "a b"'], {}, /name/],
  ['packages', ['name: x', 'packages: {apt: [fio]}'], {}, /packages/],
  ['another interpreter', ['name: x'], { first: '#!/bin/bash -e' }, /no other interpreters/],
  ['a limit of nothing', ['name: x', 'timeout: 0'], {}, /timeout/],
  ['a limit that is no time', ['name: x', 'timeout: soon'], {}, /timeout/],
  ['a step of the agent that is no test', ['name: x', 'step: write_image'], {}, /step/],
  ['arguments without a step', ['name: x', 'arguments: {a: 1}'], {}, /arguments/],
  ['no YAML', ['name: [x'], {}, /YAML/],
  ['another word', ['name: x'], { word: 'LXD' }, /no metadata/],
] as const)
  test(`refused: ${what}`, () => {
    const decoded = decodeScript(script(lines, how));
    assert.ok(isMalformed(decoded));
    assert.match(decoded.reason, reason);
  });

test('commissioning comes first, company is kept by type and number', () => {
  const made = (name: string, more: Partial<MachineScript> = {}) => ({ ...decode([`name: ${name}`]), ...more });
  const any = { parallel: 'any' } as const;
  const batches = batchScripts([
    made('d', any),
    made('c', any),
    made('e'),
    made('f', any),
    made('b', { ...any, mayReboot: true }),
    made('z', { ...any, type: 'commissioning' }),
  ]);
  assert.deepEqual(
    batches.map((batch) => batch.map(({ name }) => name).join('+')),
    ['z', 'b', 'c+d', 'e', 'f'],
  );
  const many = batchScripts(Array.from({ length: BATCH_MAX + 1 }, (_each, at) => made(`n${at}`, any)));
  assert.deepEqual(
    many.map((batch) => batch.length),
    [BATCH_MAX, 1],
  );
});

test('ours are sound, and some run by default', () => {
  assert.ok(DEFAULT_SCRIPTS.some(({ byDefault, type }) => byDefault && type === 'commissioning'));
  assert.equal(new Set(DEFAULT_SCRIPTS.map(({ name }) => name)).size, DEFAULT_SCRIPTS.length);
});
