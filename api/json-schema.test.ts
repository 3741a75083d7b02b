import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateJson, type JsonSchema } from './json-schema.ts';

const person: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 3, pattern: '^[a-z]+$' },
    age: { type: ['integer', 'null'], minimum: 0, maximum: 9 },
  },
  patternProperties: { '^x_': { type: 'boolean' } },
  required: ['name'],
  additionalProperties: false,
};

const cases: readonly (readonly [schema: JsonSchema, value: unknown, keyword: string | undefined, message: string | undefined])[] = [
  [person, { name: 'bob', age: 3, x_y: true }, undefined, undefined],
  [person, { name: 'bob', age: null }, undefined, undefined],
  [person, {}, 'required', "'name' is a required property"],
  [person, [], 'type', "[] is not of type 'object'"],
  [person, { name: 7 }, 'type', "7 is not of type 'string'"],
  [person, { name: '' }, 'minLength', "'' is too short"],
  [person, { name: 'anna' }, 'maxLength', "'anna' is too long"],
  [person, { name: 'Bob' }, 'pattern', "'Bob' does not match '^[a-z]+$'"],
  [person, { name: 'bob', age: -1 }, 'minimum', '-1 is less than the minimum of 0'],
  [person, { name: 'bob', age: 10 }, 'maximum', '10 is greater than the maximum of 9'],
  [person, { name: 'bob', age: 1.5 }, 'type', "1.5 is not of type 'integer', 'null'"],
  [person, { name: 'bob', x_y: 'no' }, 'type', "'no' is not of type 'boolean'"],
  [person, { name: 'bob', zip: 1 }, 'additionalProperties', "Additional properties are not allowed ('zip' was unexpected)"],
  [person, { name: 'bob', zip: 1, zap: 2 }, 'additionalProperties', "Additional properties are not allowed ('zip', 'zap' were unexpected)"],
  [person, { name: 'bob', constructor: 1 }, 'additionalProperties', "Additional properties are not allowed ('constructor' was unexpected)"],
  [{ type: 'array', items: { type: 'string', format: 'uuid' }, uniqueItems: true }, ['harry'], 'format', "'harry' is not a 'uuid'"],
  [{ type: 'array', uniqueItems: true }, ['a', 'a'], 'uniqueItems', "['a', 'a'] has non-unique elements"],
  [{ type: 'array', minItems: 1 }, [], 'minItems', '[] is too short'],
  [{ type: 'object', minProperties: 1 }, {}, 'minProperties', '{} does not have enough properties'],
  [{ enum: ['none', 'isolate'] }, 'some', 'enum', "'some' is not one of ['none', 'isolate']"],
];

test('what fits passes; what does not is told in the words that clients know', () => {
  for (const [schema, value, keyword, message] of cases) {
    const refusal = validateJson(schema, value);
    assert.equal(refusal?.keyword, keyword, JSON.stringify(value));
    assert.equal(refusal?.message, message);
  }
});
