import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../core/base/json.ts';
import { diffInspections } from './inspection-diff.ts';

test('a pulled DIMM, a swapped disk and a moved cable are named by what identifies them', () => {
  const before: Json = {
    memory: {
      dimms: [
        { locator: 'A1', sizeBytes: 1 },
        { locator: 'B2', sizeBytes: 1 },
      ],
    },
    disks: [
      { serial: 'S1', sizeBytes: 10 },
      { serial: 'S2', sizeBytes: 10 },
    ],
    nics: [{ mac: '52:54:00:00:00:01', lldp: { portId: 'Ethernet1/1' } }],
  };
  const after: Json = {
    memory: { dimms: [{ locator: 'A1', sizeBytes: 1 }] },
    disks: [
      { serial: 'S3', sizeBytes: 10 },
      { serial: 'S1', sizeBytes: 10 },
    ],
    nics: [{ mac: '52:54:00:00:00:01', lldp: { portId: 'Ethernet1/2' } }],
  };
  assert.deepEqual(
    diffInspections(before, after).map((c) => `${c.kind} ${c.path}`),
    [
      'removed memory.dimms[locator=B2]',
      'removed disks[serial=S2]',
      'added disks[serial=S3]',
      'changed nics[mac=52:54:00:00:00:01].lldp.portId',
    ],
  );
});

test('temperatures and reordering are no change', () => {
  assert.deepEqual(
    diffInspections(
      { d: [{ serial: 'a', temperatureCelsius: 30 }, { serial: 'b' }] },
      { d: [{ serial: 'b' }, { serial: 'a', temperatureCelsius: 41 }] },
    ),
    [],
  );
});

test('nothing differs from itself, and any difference between plain values is seen', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => diffInspections(value as Json, value as Json).length === 0));
  fc.assert(fc.property(fc.integer(), fc.integer(), (a, b) => (diffInspections({ x: a }, { x: b }).length === 0) === (a === b)));
});
