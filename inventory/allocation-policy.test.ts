import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseNode, hasTraits, type Candidate } from './allocation-policy.ts';

const wish = { name: null, resourceClass: 'gold', traits: [], candidateNodes: [] };
const candidate = (uuid: string, traits: string[] = [], name: string | null = null): Candidate => ({ uuid, name, traits });

test('nobody fits: the words say why', () => {
  assert.deepEqual(chooseNode(wish, [], 0), { problem: 'no available nodes match the resource class gold' });
  assert.deepEqual(chooseNode({ ...wish, candidateNodes: ['a'] }, [], 0), {
    problem: 'none of the requested nodes are available and match the resource class gold',
  });
  assert.deepEqual(chooseNode({ ...wish, traits: ['CUSTOM_A'] }, [candidate('a')], 0), {
    problem: 'no suitable nodes have the requested traits CUSTOM_A',
  });
});

test('a namesake comes first', () => {
  const nodes = [candidate('a'), candidate('b', [], 'mine'), candidate('c')];
  for (const fraction of [0, 0.5, 0.999]) assert.deepEqual(chooseNode({ ...wish, name: 'mine' }, nodes, fraction), { uuid: 'b' });
});

test('whoever is chosen has every trait, whatever the dice say', () => {
  const traits = fc.subarray(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C']);
  const candidates = fc.array(traits, { maxLength: 8 }).map((list) => list.map((each, at) => candidate(String(at), each)));
  fc.assert(
    fc.property(candidates, traits, fc.double({ min: 0, max: 1, noNaN: true }), (nodes, wanted, fraction) => {
      const chosen = chooseNode({ ...wish, traits: wanted }, nodes, fraction);
      const fitting = nodes.filter((node) => hasTraits(node.traits, wanted));
      if ('problem' in chosen) assert.equal(fitting.length, 0);
      else assert.ok(fitting.some((node) => node.uuid === chosen.uuid));
    }),
  );
});
