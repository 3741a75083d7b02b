import { ok } from '../service-plugin.ts';
import { CONTAINER_FORMATS, DISK_FORMATS, READ_ONLY, VISIBILITIES } from './image-attributes.ts';
import type { ImageRoute } from './image-context.ts';

/** JSON schemas of this API's resources (api-ref "Image Schemas", "Metadata definition schemas"). */
type Property = Readonly<Record<string, unknown>>;
const text: Property = { type: 'string' };
const time: Property = { type: 'string', readOnly: true };
const link: Property = { type: 'string', readOnly: true };
const maybe = (property: Property): Property => ({ ...property, type: ['null', property['type']] });

const image: Record<string, Property> = {
  id: { type: 'string', pattern: '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$' },
  name: maybe({ type: 'string', maxLength: 255 }),
  status: {
    type: 'string',
    readOnly: true,
    enum: ['queued', 'saving', 'active', 'killed', 'deleted', 'uploading', 'importing', 'pending_delete', 'deactivated'],
  },
  visibility: { type: 'string', enum: [...VISIBILITIES] },
  protected: { type: 'boolean' },
  os_hidden: { type: 'boolean' },
  checksum: maybe({ type: 'string', maxLength: 32, readOnly: true }),
  os_hash_algo: maybe({ type: 'string', maxLength: 64, readOnly: true }),
  os_hash_value: maybe({ type: 'string', maxLength: 128, readOnly: true }),
  owner: maybe({ type: 'string', maxLength: 255 }),
  size: maybe({ type: 'integer', readOnly: true }),
  virtual_size: maybe({ type: 'integer', readOnly: true }),
  container_format: { type: ['null', 'string'], enum: [null, ...CONTAINER_FORMATS] },
  disk_format: { type: ['null', 'string'], enum: [null, ...DISK_FORMATS] },
  created_at: time,
  updated_at: time,
  tags: { type: 'array', items: { type: 'string', maxLength: 255 } },
  direct_url: link,
  min_ram: { type: 'integer' },
  min_disk: { type: 'integer' },
  self: link,
  file: link,
  stores: link,
  schema: link,
  locations: {
    type: 'array',
    items: {
      type: 'object',
      properties: { url: text, metadata: { type: 'object' }, validation_data: { type: 'object' } },
      required: ['url', 'metadata'],
    },
  },
  kernel_id: maybe(text),
  ramdisk_id: maybe(text),
};
const member: Record<string, Property> = {
  member_id: text,
  image_id: text,
  created_at: time,
  updated_at: time,
  status: { type: 'string', enum: ['pending', 'accepted', 'rejected'] },
  schema: link,
};
const task: Record<string, Property> = {
  id: text,
  type: text,
  status: { type: 'string', enum: ['pending', 'processing', 'success', 'failure'] },
  input: maybe({ type: 'object' }),
  result: maybe({ type: 'object' }),
  owner: text,
  message: text,
  image_id: text,
  request_id: text,
  user_id: text,
  created_at: time,
  updated_at: time,
  expires_at: time,
  self: link,
  schema: link,
};
const association: Record<string, Property> = {
  name: { type: 'string', maxLength: 80 },
  prefix: text,
  properties_target: text,
  created_at: time,
  updated_at: time,
};
const property: Record<string, Property> = {
  name: { type: 'string', maxLength: 80 },
  title: text,
  description: text,
  type: text,
  enum: { type: 'array' },
  default: {},
  operators: { type: 'array' },
  readonly: { type: 'boolean' },
};
const object: Record<string, Property> = {
  name: { type: 'string', maxLength: 255 },
  description: text,
  required: { type: 'array', items: text },
  properties: { type: 'object' },
  created_at: time,
  updated_at: time,
  self: link,
  schema: link,
};
const tag: Record<string, Property> = { name: { type: 'string', maxLength: 80 }, created_at: time, updated_at: time };
const namespace: Record<string, Property> = {
  namespace: { type: 'string', maxLength: 80 },
  display_name: text,
  description: text,
  visibility: { type: 'string', enum: ['public', 'private'] },
  protected: { type: 'boolean' },
  owner: text,
  resource_type_associations: { type: 'array', items: { type: 'object', properties: association } },
  properties: { type: 'object' },
  objects: { type: 'array', items: { type: 'object', properties: object } },
  tags: { type: 'array', items: { type: 'object', properties: tag } },
  created_at: time,
  updated_at: time,
  self: link,
  schema: link,
};

const item = (name: string, properties: Record<string, Property>, more: object = {}) => ({ name, properties, ...more });
const list = (name: string, of: string, properties: Record<string, Property>, key = name) => ({
  name,
  properties: { [key]: { type: 'array', items: item(of, properties) }, first: link, next: link, schema: link },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
});

const SCHEMAS: Readonly<Record<string, object>> = {
  image: item('image', image, {
    additionalProperties: { type: 'string' },
    links: [
      { rel: 'self', href: '{self}' },
      { rel: 'enclosure', href: '{file}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  }),
  images: list('images', 'image', image),
  member: item('member', member),
  members: list('members', 'member', member),
  task: item('task', task),
  tasks: list('tasks', 'task', task),
  'metadefs/namespace': item('namespace', namespace, { required: ['namespace'] }),
  'metadefs/namespaces': list('namespaces', 'namespace', namespace),
  'metadefs/object': item('object', object, { required: ['name'] }),
  'metadefs/objects': list('objects', 'object', object),
  'metadefs/property': item('property', property, { required: ['name', 'title', 'type'] }),
  'metadefs/properties': {
    name: 'properties',
    properties: { properties: { type: 'object', additionalProperties: item('property', property) } },
  },
  'metadefs/tag': item('tag', tag, { required: ['name'] }),
  'metadefs/tags': list('tags', 'tag', tag),
  'metadefs/resource_type': item('resource_type_association', association, { required: ['name'] }),
  'metadefs/resource_types': list('resource_type_associations', 'resource_type_association', association),
};

/** Of every attribute that clients may not write, the schema says so. */
for (const name of READ_ONLY) image[name] = { ...image[name], readOnly: true };

export const schemaRoutes: readonly ImageRoute[] = Object.entries(SCHEMAS).map(([name, schema]) => ({
  method: 'GET',
  path: `/v2/schemas/${name}`,
  async handle() {
    return ok(schema);
  },
}));
