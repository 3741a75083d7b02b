import { Refusal } from '../service-plugin.ts';

/*
 * The attributes of an image: what clients may write, and in which form (schema of `GET /v2/schemas/image`). Everything else that is written is an
 * additional property, a text.
 */
export const DISK_FORMATS = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] as const;
export const CONTAINER_FORMATS = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;
export const VISIBILITIES = ['public', 'private', 'shared', 'community'] as const;
export const READ_ONLY = [
  'status',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
  'stores',
] as const;
const RESERVED_PREFIX = 'os_glance_';
const TEXT_CHARACTERS_MAX = 255;
/** Glance's own quotas. */
const PROPERTIES_MAX = 128;
const TAGS_MAX = 128;
const NUMBER_MAX = 2_147_483_647;
const UUID = /^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/;

type Check = (value: unknown) => string | undefined;
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    value === null || values.includes(value as string) ? undefined : `${JSON.stringify(value)} is not one of ${values.join(', ')}`;
const text: Check = (value) =>
  value === null || (typeof value === 'string' && [...value].length <= TEXT_CHARACTERS_MAX)
    ? undefined
    : `${JSON.stringify(value)?.slice(0, 300)} is not a text of at most ${TEXT_CHARACTERS_MAX} characters`;
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : `${JSON.stringify(value)} is not of type 'boolean'`);
const count: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= NUMBER_MAX
    ? undefined
    : `${JSON.stringify(value)} is not an integer of 0 to ${NUMBER_MAX}`;
const tags: Check = (value) => {
  if (!Array.isArray(value)) return `${JSON.stringify(value)} is not of type 'array'`;
  return value.length > TAGS_MAX ? `more than ${TAGS_MAX} tags` : value.map(isTag).find((why) => why !== undefined);
};
const isTag = (value: unknown) =>
  typeof value === 'string' && value !== '' && [...value].length <= TEXT_CHARACTERS_MAX
    ? undefined
    : `${JSON.stringify(value)} is not a tag of 1 to ${TEXT_CHARACTERS_MAX} characters`;

const notNull =
  (check: Check): Check =>
  (value) =>
    value === null ? 'None is not allowed' : check(value);

const CHECKS: Readonly<Record<string, Check>> = {
  name: text,
  visibility: notNull(oneOf(VISIBILITIES)),
  protected: flag,
  os_hidden: flag,
  tags,
  container_format: oneOf(CONTAINER_FORMATS),
  disk_format: oneOf(DISK_FORMATS),
  min_disk: count,
  min_ram: count,
  owner: text,
};

/** Ours, not an additional property of the client's. */
export const isAttribute = (name: string): boolean => Object.hasOwn(CHECKS, name);

export const isReadOnly = (name: string): boolean => (READ_ONLY as readonly string[]).includes(name) || name === 'id';

/** @throws Refusal 403 for what nobody writes */
export function requireWritable(name: string): void {
  if (isReadOnly(name)) throw new Refusal(403, `Attribute '${name}' is read-only.`);
  if (name.startsWith(RESERVED_PREFIX)) throw new Refusal(403, `Attribute '${name}' is reserved.`);
}

/** @throws Refusal 400 */
export function requireValid(name: string, value: unknown): void {
  const check = isAttribute(name) ? CHECKS[name]! : propertyCheck(name);
  const why = check(value);
  if (why !== undefined) throw new Refusal(400, `Provided object does not match schema 'image': ${why}: ${name}`);
}

const propertyCheck =
  (name: string): Check =>
  (value) => {
    if ([...name].length > TEXT_CHARACTERS_MAX || name === '' || name === '__proto__')
      return `a property's name has 1 to ${TEXT_CHARACTERS_MAX} characters`;
    if (/^(kernel_id|ramdisk_id)$/.test(name))
      return value === null || (typeof value === 'string' && UUID.test(value)) ? undefined : `${JSON.stringify(value)} is not a UUID`;
    return typeof value === 'string' ? undefined : `${JSON.stringify(value)?.slice(0, 300)} is not of type 'string'`;
  };

/** @throws Refusal 413 */
export function requireFewProperties(properties: object): void {
  const names = Object.keys(properties).filter((name) => !name.startsWith(RESERVED_PREFIX));
  if (names.length > PROPERTIES_MAX)
    throw new Refusal(
      413,
      `The limit has been exceeded on the number of allowed image properties. Attempted: ${names.length}, Maximum: ${PROPERTIES_MAX}`,
    );
}

/** Before PostgreSQL has to refuse it. */
export const requireTag = (tag: string): void => {
  const why = isTag(tag);
  if (why !== undefined) throw new Refusal(400, why);
};

export const requireImageId = (id: unknown): void => {
  if (typeof id !== 'string' || !UUID.test(id))
    throw new Refusal(400, `Provided object does not match schema 'image': ${JSON.stringify(id)} is not a UUID: id`);
};
