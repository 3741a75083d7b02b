import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnswerWish, chooseAnswerer, clientHash } from './answer-share-policy.ts';

const [A, B] = ['10.77.0.1', '10.77.0.2'] as const;
const macOf = (index: number) => `52:54:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;
const homeOf = (mac: string) => [A, B][clientHash(mac) % 2]!;
const [ofA, ofB] = [A, B].map((home) => macOf([...Array(256).keys()].find((index) => homeOf(macOf(index)) === home)!));

const cases: [string, Partial<AnswerWish>, ReturnType<typeof chooseAnswerer>][] = [
  ['its own client', { mac: ofA! }, { by: A }],
  ['a client of the other', { mac: ofB! }, { by: B }],
  ['a client of the other that has waited', { mac: ofB!, seconds: 3 }, { by: A, inPlaceOf: B }],
  ['a client of the other that has asked twice before', { mac: ofB!, leftBefore: 2 }, { by: A, inPlaceOf: B }],
  ['a client of the other that has asked once before', { mac: ofB!, leftBefore: 1, seconds: 2 }, { by: B }],
  ['a client of a dead one', { mac: ofB!, isAlive: () => false }, { by: A, inPlaceOf: B }],
  ['its own client beside a dead one', { mac: ofA!, isAlive: () => false }, { by: A }],
];
for (const [name, given, expected] of cases)
  test(`${name} is answered by ${expected.by}`, () => {
    const wish: AnswerWish = { mac: ofA!, members: [A, B], self: A, isAlive: () => true, seconds: 0, leftBefore: 0, ...given };
    assert.deepEqual(chooseAnswerer(wish), expected);
  });

test('machines of one maker fall to all servers alike, and each client has an answerer in every view of who lives', () => {
  for (const members of [
    [A, B],
    [A, B, '10.77.0.3'],
  ]) {
    const counts = new Map<string, number>();
    for (let index = 0; index < 3000; index += 1) {
      const wish = { mac: macOf(index), members, isAlive: () => true, seconds: 0, leftBefore: 0 };
      const answering = members.filter((self) => chooseAnswerer({ ...wish, self }).by === self);
      assert.equal(answering.length, 1);
      counts.set(answering[0]!, (counts.get(answering[0]!) ?? 0) + 1);
      const dead = members[index % members.length]!;
      const isAlive = (member: string) => member !== dead;
      assert.equal(members.filter((self) => self !== dead && chooseAnswerer({ ...wish, self, isAlive }).by === self).length, 1);
    }
    for (const count of counts.values()) assert.ok(Math.abs(count * members.length - 3000) < 450, JSON.stringify([...counts]));
  }
});
