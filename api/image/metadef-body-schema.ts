import type { JsonSchema } from '../json-schema.ts';

/** What clients may send of metadata definitions (api-ref "Metadata definitions"): lengths are those of Glance's tables. */
const NAME: JsonSchema = { type: 'string', minLength: 1, maxLength: 80 };
const ANY: JsonSchema = {};
export const associationSchema: JsonSchema = {
  type: 'object',
  properties: {
    name: { ...NAME, maxLength: 80 },
    prefix: { type: 'string', maxLength: 80 },
    properties_target: { type: 'string', maxLength: 80 },
    created_at: ANY,
    updated_at: ANY,
  },
  required: ['name'],
  additionalProperties: false,
};
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string', 'null'];
const typedSchema: JsonSchema = {
  type: 'object',
  properties: { title: { type: 'string' }, type: { type: 'string', enum: TYPES }, description: { type: 'string' } },
  required: ['title', 'type'],
};
export const objectSchema: JsonSchema = {
  type: 'object',
  properties: {
    name: { ...NAME, maxLength: 255 },
    description: { type: 'string' },
    required: { type: 'array', items: { type: 'string' } },
    properties: { type: 'object', patternProperties: { '': typedSchema } },
    schema: ANY,
    self: ANY,
    created_at: ANY,
    updated_at: ANY,
  },
  required: ['name'],
  additionalProperties: false,
};
export const propertySchema: JsonSchema = {
  ...typedSchema,
  properties: { ...typedSchema.properties, name: { ...NAME, maxLength: 80 } },
  required: ['name', 'title', 'type'],
};
export const tagSchema: JsonSchema = {
  type: 'object',
  properties: { name: NAME, created_at: ANY, updated_at: ANY },
  required: ['name'],
  additionalProperties: false,
};
export const namespaceSchema: JsonSchema = {
  type: 'object',
  properties: {
    namespace: NAME,
    display_name: { type: 'string', maxLength: 80 },
    description: { type: 'string', maxLength: 500 },
    visibility: { type: 'string', enum: ['public', 'private'] },
    protected: { type: 'boolean' },
    owner: { type: 'string', maxLength: 255 },
    resource_type_associations: { type: 'array', items: associationSchema },
    properties: { type: 'object' },
    objects: { type: 'array', items: objectSchema },
    tags: { type: 'array', items: tagSchema },
    schema: ANY,
    self: ANY,
    created_at: ANY,
    updated_at: ANY,
  },
  required: ['namespace'],
  additionalProperties: false,
};
