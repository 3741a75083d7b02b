import { isIP } from 'node:net';
import { formatIp, parseIp } from '../../core/base/ip-address.ts';
import type { JsonSchema } from '../json-schema.ts';
import { Refusal } from '../service-plugin.ts';
import { BOOLEAN, DESCRIPTION, integer, METADATA, NAME, UUID } from './compute-body.ts';
import type { ComputeCall } from './compute-context.ts';

/** Bodies of servers: what POST, PUT and rebuild may have in each microversion. */
export const SINCE = {
  description: 19,
  interfaceTags: 32,
  noInterfaceTags: 37,
  automaticNetworks: 37,
  interfaceTagsAgain: 42,
  tags: 52,
  keyOnRebuild: 54,
  noFiles: 57,
  userDataOnRebuild: 57,
  certificates: 63,
  requestedHost: 74,
  hostname: 90,
  hostnameWithDots: 94,
} as const;

const TAG: JsonSchema = { type: 'string', minLength: 1, maxLength: 60, pattern: '^[^,/]*$' };
export const TAGS: JsonSchema = { type: 'array', items: TAG, maxItems: 50 };
export const TAG_SCHEMA = TAG;
const USER_DATA: JsonSchema = { type: 'string', maxLength: 65_535 };
const HOSTNAME: JsonSchema = { type: 'string', minLength: 2, maxLength: 63, pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$' };
const PASSWORD: JsonSchema = { type: 'string' };
const IMAGE_REF: JsonSchema = { type: 'string' };
const FILES: JsonSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: { path: { type: 'string' }, contents: { type: 'string' } },
    required: ['path', 'contents'],
    additionalProperties: false,
  },
};
const ADDRESS: JsonSchema = { type: ['string', 'null'] };
const DISK_CONFIG: JsonSchema = { type: 'string', enum: ['AUTO', 'MANUAL'] };

const takesInterfaceTags = (minor: number) =>
  (minor >= SINCE.interfaceTags && minor < SINCE.noInterfaceTags) || minor >= SINCE.interfaceTagsAgain;

const network = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    uuid: UUID,
    port: { type: ['string', 'null'], format: 'uuid' },
    fixed_ip: { type: 'string' },
    ...(takesInterfaceTags(minor) ? { tag: TAG } : {}),
  },
  additionalProperties: false,
});

const mapping = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    uuid: { type: 'string' },
    source_type: { type: 'string', enum: ['volume', 'image', 'snapshot', 'blank'] },
    destination_type: { type: 'string', enum: ['local', 'volume'] },
    device_name: { type: ['string', 'null'] },
    volume_size: integer(0),
    volume_id: { type: ['string', 'null'] },
    snapshot_id: { type: ['string', 'null'] },
    delete_on_termination: BOOLEAN,
    no_device: {},
    guest_format: { type: ['string', 'null'], maxLength: 255 },
    device_type: { type: ['string', 'null'], maxLength: 255 },
    disk_bus: { type: ['string', 'null'], maxLength: 255 },
    boot_index: { type: ['integer', 'string', 'null'] },
    connection_info: { type: 'string' },
    image_id: { type: ['string', 'null'] },
    ...(takesInterfaceTags(minor) ? { tag: TAG } : {}),
    ...(minor >= 67 ? { volume_type: { type: ['string', 'null'] } } : {}),
  },
  additionalProperties: false,
});

const HINTS: JsonSchema = {
  type: 'object',
  properties: {
    group: UUID,
    different_host: { type: ['string', 'array'] },
    same_host: { type: ['string', 'array'] },
    query: {},
    target_cell: { type: 'string', minLength: 1, maxLength: 255 },
    different_cell: {},
    build_near_host_ip: { type: 'string' },
    cidr: { type: 'string' },
  },
};

export const createSchema = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    server: {
      type: 'object',
      properties: {
        name: NAME,
        imageRef: IMAGE_REF,
        flavorRef: { type: ['string', 'integer'], minLength: 1 },
        adminPass: PASSWORD,
        metadata: METADATA,
        networks:
          minor >= SINCE.automaticNetworks
            ? { type: ['array', 'string'], items: network(minor) }
            : { type: 'array', items: network(minor) },
        'OS-DCF:diskConfig': DISK_CONFIG,
        accessIPv4: ADDRESS,
        accessIPv6: ADDRESS,
        ...(minor < SINCE.noFiles ? { personality: FILES } : {}),
        availability_zone: { type: 'string', minLength: 1, maxLength: 255, pattern: '^(?!\\s).*\\S$|^\\S$' },
        block_device_mapping: { type: 'array', items: mapping(minor) },
        block_device_mapping_v2: { type: 'array', items: mapping(minor) },
        config_drive: BOOLEAN,
        key_name: { type: 'string', minLength: 1, maxLength: 255 },
        min_count: integer(1),
        max_count: integer(1),
        return_reservation_id: BOOLEAN,
        user_data: USER_DATA,
        security_groups: {
          type: 'array',
          items: {
            type: 'object',
            properties: { name: { type: 'string', minLength: 1, maxLength: 255 } },
            additionalProperties: false,
          },
        },
        ...(minor >= SINCE.description ? { description: DESCRIPTION } : {}),
        ...(minor >= SINCE.tags ? { tags: TAGS } : {}),
        ...(minor >= SINCE.certificates
          ? { trusted_image_certificates: { type: ['array', 'null'], items: { type: 'string', minLength: 1 }, minItems: 1, maxItems: 50 } }
          : {}),
        ...(minor >= SINCE.requestedHost
          ? {
              host: { type: 'string', minLength: 1, maxLength: 255 },
              hypervisor_hostname: { type: 'string', minLength: 1, maxLength: 255 },
            }
          : {}),
        ...(minor >= SINCE.hostname ? { hostname: HOSTNAME } : {}),
      },
      required: ['name', 'flavorRef', ...(minor >= SINCE.automaticNetworks ? ['networks'] : [])],
      additionalProperties: false,
    },
    'os:scheduler_hints': HINTS,
    'OS-SCH-HNT:scheduler_hints': HINTS,
  },
  required: ['server'],
  additionalProperties: false,
});

export const updateSchema = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    name: NAME,
    'OS-DCF:diskConfig': DISK_CONFIG,
    accessIPv4: ADDRESS,
    accessIPv6: ADDRESS,
    ...(minor >= SINCE.description ? { description: DESCRIPTION } : {}),
    ...(minor >= SINCE.hostname ? { hostname: HOSTNAME } : {}),
  },
  additionalProperties: false,
});

export const rebuildSchema = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    name: NAME,
    imageRef: IMAGE_REF,
    adminPass: PASSWORD,
    metadata: METADATA,
    preserve_ephemeral: BOOLEAN,
    'OS-DCF:diskConfig': DISK_CONFIG,
    accessIPv4: ADDRESS,
    accessIPv6: ADDRESS,
    ...(minor < SINCE.noFiles ? { personality: FILES } : {}),
    ...(minor >= SINCE.description ? { description: DESCRIPTION } : {}),
    ...(minor >= SINCE.keyOnRebuild ? { key_name: { type: ['string', 'null'], minLength: 1, maxLength: 255 } } : {}),
    ...(minor >= SINCE.userDataOnRebuild ? { user_data: { type: ['string', 'null'], maxLength: 65_535 } } : {}),
    ...(minor >= SINCE.certificates ? { trusted_image_certificates: { type: ['array', 'null'], items: { type: 'string' } } } : {}),
    ...(minor >= SINCE.hostname ? { hostname: HOSTNAME } : {}),
  },
  required: ['imageRef'],
  additionalProperties: false,
});

/** In its one form; empty for none. @throws Refusal 400 */
export function readAccessAddress(value: unknown, version: 4 | 6): string {
  if (value === undefined || value === null || value === '') return '';
  const text = String(value);
  const name = `accessIPv${version}`;
  if (isIP(text) !== version)
    throw new Refusal(
      400,
      `Invalid input for field/attribute ${name}. Value: ${text.slice(0, 60)}. '${text.slice(0, 60)}' is not a 'ipv${version}'`,
    );
  return version === 4 ? text : formatIp(6, parseIp(text)!.value);
}

/** Base64 of what it is. @throws Refusal 400 */
export function readBase64(name: string, text: string): string {
  const bare = text.replaceAll(/\s/g, '');
  if (bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(bare))
    throw new Refusal(400, `Invalid input for field/attribute ${name}. It is not a 'base64'`);
  return bare;
}

export interface FileLimits {
  readonly injected_files: number;
  readonly injected_file_content_bytes: number;
  readonly injected_file_path_bytes: number;
}

/** Files as they are stored: contents sealed. @throws Refusal 400, 403 over quota */
export function readFiles(call: ComputeCall, given: unknown, limits: FileLimits): { path: string; contents: string }[] {
  const files = (given ?? []) as readonly { path: string; contents: string }[];
  if (limits.injected_files >= 0 && files.length > limits.injected_files) throw new Refusal(403, 'Personality file limit exceeded');
  return files.map(({ path, contents }) => {
    const text = readBase64(`personality/${path.slice(0, 60)}`, contents);
    if (limits.injected_file_path_bytes >= 0 && Buffer.byteLength(path) > limits.injected_file_path_bytes)
      throw new Refusal(403, 'Personality file path exceeds maximum');
    if (limits.injected_file_content_bytes >= 0 && Buffer.from(text, 'base64').length > limits.injected_file_content_bytes)
      throw new Refusal(403, 'Personality file content exceeds maximum');
    return { path, contents: call.context.sealer.seal(text) };
  });
}

/** A name that DNS takes (RFC 1123), made of one that people take. */
export function hostnameOf(name: string, uuidLike: string): string {
  const made = name
    .toLowerCase()
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^a-z0-9-]/g, '')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, 63);
  return made === '' ? `server-${uuidLike}` : made;
}
