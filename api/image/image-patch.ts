import type { ImageRecord } from '../../images/image-record.ts';
import type { ImageChange } from '../../images/image-service.ts';
import { Refusal } from '../service-plugin.ts';
import { isAttribute, requireFewProperties, requireValid, requireWritable } from './image-attributes.ts';

/*
 * `PATCH` of an image: JSON patch (RFC 6902: add, replace, remove) in both of Glance's media types, over attributes and additional properties.
 * Locations are changed by rules of their own (`location-patch.ts`).
 */
export interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: readonly string[];
  readonly value: unknown;
}

const MEDIA_TYPE = /^application\/openstack-images-v2\.[01]-json-patch\s*(;|$)/i;
const OPERATIONS_MAX = 1000;

/** @throws Refusal 400, 415 */
export function readPatch(contentType: string | undefined, body: unknown): Operation[] {
  if (!MEDIA_TYPE.test(contentType ?? ''))
    throw new Refusal(415, 'Unsupported Content-Type: use application/openstack-images-v2.1-json-patch', {
      headers: { 'accept-patch': 'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch' },
    });
  if (!Array.isArray(body)) throw new Refusal(400, 'Request body must be a JSON array of operation objects.');
  if (body.length > OPERATIONS_MAX) throw new Refusal(400, `A patch has at most ${OPERATIONS_MAX} operations.`);
  return body.map(readOperation);
}

function readOperation(raw: unknown): Operation {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new Refusal(400, 'Operations must be JSON objects.');
  const given = raw as Record<string, unknown>;
  const old = (['add', 'replace', 'remove'] as const).find((name) => typeof given[name] === 'string');
  const op = (given['op'] ?? old) as unknown;
  const path = given['op'] === undefined ? given[old ?? ''] : given['path'];
  if (op !== 'add' && op !== 'replace' && op !== 'remove')
    throw new Refusal(400, `Operation objects must contain only one member named "add", "remove", or "replace".`);
  if (typeof path !== 'string') throw new Refusal(400, `Unable to find 'path' in JSON Schema change`);
  if (op !== 'remove' && !Object.hasOwn(given, 'value')) throw new Refusal(400, `Operation "${op}" requires a member named "value".`);
  return { op, path: readPath(path), value: given['value'] };
}

/** RFC 6901 */
function readPath(path: string): string[] {
  if (!path.startsWith('/')) throw new Refusal(400, `Pointer \`${path}\` does not start with "/".`);
  if (path.length > 1 && path.endsWith('/')) throw new Refusal(400, `Pointer \`${path}\` contains adjacent "/" or ends with it.`);
  if (/\/\//.test(path.slice(1)) || /~(?![01])/.test(path))
    throw new Refusal(400, `Pointer \`${path}\` contains "~" not part of a recognized escape sequence, or adjacent "/".`);
  const parts = path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (parts.length > 1 && parts[0] !== 'locations') throw new Refusal(400, `Invalid JSON pointer for this resource: '${path}'`);
  return parts;
}

export interface PatchRights {
  mayPublish(): void;
  mayCommunitize(): void;
  mayChangeOwner(): void;
}

/** What the operations make of an image. @throws Refusal 400, 403, 409 */
export function applyPatch(image: ImageRecord, operations: readonly Operation[], rights: PatchRights): ImageChange {
  const attributes: Record<string, unknown> = {};
  const properties: Record<string, string> = { ...image.properties };
  for (const { op, path, value } of operations) {
    const name = path[0]!;
    requireWritable(name);
    if (isAttribute(name)) {
      if (op === 'remove') throw new Refusal(403, `Property ${name} may not be removed.`);
      requireValid(name, value);
      requireRight(name, value, image, rights);
      attributes[name] = name === 'tags' ? [...new Set(value as string[])] : value;
      continue;
    }
    if (op !== 'add' && !Object.hasOwn(properties, name)) throw new Refusal(409, `Property ${name} does not exist.`);
    if (op === 'remove') delete properties[name];
    else {
      requireValid(name, value);
      properties[name] = value as string;
    }
  }
  requireFewProperties(properties);
  return { ...(attributes as ImageChange), properties };
}

function requireRight(name: string, value: unknown, image: ImageRecord, rights: PatchRights): void {
  if ((name === 'disk_format' || name === 'container_format') && image.status !== 'queued' && value !== image[name])
    throw new Refusal(403, `Attribute '${name}' can be only replaced for a queued image.`);
  if (name === 'owner' && value !== image.owner) rights.mayChangeOwner();
  if (name !== 'visibility' || value === image.visibility) return;
  if (value === 'public') rights.mayPublish();
  if (value === 'community') rights.mayCommunitize();
}
