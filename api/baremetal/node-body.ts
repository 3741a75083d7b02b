import { z } from 'zod';
import type { Json, JsonObject } from '../../core/base/json.ts';
import { INTERFACE_KINDS } from '../../inventory/driver-table.ts';
import { MASK } from '../../inventory/driver-info-codec.ts';
import { interfacesOfDraft, type NodeDraft } from '../../inventory/node-edit-service.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import { interfacesOf } from '../../inventory/driver-table.ts';
import { RequestRefused } from './baremetal-error.ts';
import { notAcceptable, type Call } from './baremetal-route.ts';
import { jsonObject, jsonOrNone, text, textOrNone, truth, truthOr, uuid, uuidOrNone } from './body-shapes.ts';
import { NODE_FIELDS } from './node-view.ts';
import { isLogicalName, isUuidLike } from './query-values.ts';

/** What clients send to make or change a node. */
const DESCRIPTION_LENGTH_MAX = 4096;
const RESOURCE_CLASS_LENGTH_MAX = 80;

const interfaceNames = Object.fromEntries(INTERFACE_KINDS.map((kind) => [`${kind}_interface`, text().nullish()]));

/** Nova's network_data.json: the lists that a guest reads, or nothing at all. */
const networkData = z
  .union([
    z.strictObject({}),
    z.looseObject({
      links: z.array(jsonObject).optional(),
      networks: z.array(jsonObject),
      services: z.array(jsonObject).optional(),
    }),
  ])
  .nullish()
  .transform((value) => (value ?? {}) as JsonObject);

const writable = {
  name: textOrNone(),
  driver: text(),
  driver_info: jsonOrNone,
  properties: jsonOrNone,
  instance_info: jsonOrNone,
  instance_uuid: uuidOrNone,
  extra: jsonOrNone,
  resource_class: textOrNone(RESOURCE_CLASS_LENGTH_MAX),
  description: textOrNone(DESCRIPTION_LENGTH_MAX),
  owner: textOrNone(),
  lessee: textOrNone(),
  chassis_uuid: uuidOrNone,
  conductor_group: textOrNone().transform((group) => (group ?? '').toLowerCase()),
  automated_clean: truth('automated_clean')
    .nullish()
    .transform((value) => value ?? null),
  maintenance: truthOr('maintenance', false),
  protected: truthOr('protected', false),
  protected_reason: textOrNone(DESCRIPTION_LENGTH_MAX),
  retired: truthOr('retired', false),
  retired_reason: textOrNone(DESCRIPTION_LENGTH_MAX),
  network_data: networkData,
  shard: textOrNone(),
  parent_node: uuidOrNone,
  disable_power_off: truthOr('disable_power_off', false).refine(
    (value) => !value,
    'no driver here can work without switching the machine off',
  ),
  ...interfaceNames,
};

const createBody = z
  .strictObject({ ...writable, uuid: uuid.nullish() })
  .omit({ protected: true, protected_reason: true } as never)
  .transform(
    (body) => ({ protected: false, protected_reason: null, ...body }) as unknown as z.infer<typeof patched> & { uuid?: string | null },
  );
const patched = z.object(writable);

export const NODE_PATCHABLE = Object.keys(writable);

const toDraft = (fields: object): NodeDraft => {
  const plain = Object.entries(fields).filter(([name]) => !name.endsWith('_interface') && name !== 'uuid' && name !== 'disable_power_off');
  return { ...(Object.fromEntries(plain) as unknown as Omit<NodeDraft, 'interfaces'>), interfaces: interfacesOfDraft(fields as never) };
};

export function parseCreate(call: Call): { readonly draft: NodeDraft; readonly uuid?: string } {
  const body = createBody.parse(call.body ?? {});
  for (const [name, value] of Object.entries(call.body as object)) {
    const since = Object.hasOwn(NODE_FIELDS, name) ? (NODE_FIELDS[name]!.since ?? 1) : 1;
    if (since > call.minor && value !== null && value !== '') throw new RequestRefused(406, notAcceptable(since));
  }
  if (body.name !== null) requireNodeName(call, body.name, `Cannot create node with invalid name '${body.name}'`);
  return { draft: toDraft(body), ...(body.uuid == null ? {} : { uuid: body.uuid }) };
}

/** A node as the document that patches work on: what may be written, secrets masked. */
export function nodeDocument(node: NodeRecord): JsonObject {
  const own = node as unknown as Record<string, Json>;
  const plain = Object.keys(writable).filter((name) => name in own);
  return {
    ...Object.fromEntries(plain.map((name) => [name, own[name]!])),
    disable_power_off: false,
    ...Object.fromEntries(Object.entries(interfacesOf(node)).map(([kind, name]) => [`${kind}_interface`, name])),
    instance_info: { ...(node.instance_info as JsonObject), ...(node.configdrive === null ? {} : { configdrive: MASK }) },
  };
}

export const parsePatched = (document: JsonObject): NodeDraft => toDraft(patched.parse(document));

const RESERVED_NAMES = ['detail', 'validate', 'states', 'vendor_passthru', 'management', 'maintenance'];

/** @throws 406 before names existed, 400 */
export function requireNodeName(call: Call, name: string, message: string): void {
  if (call.minor < 5) throw new RequestRefused(406, notAcceptable(5));
  if (!isLogicalName(name, call.minor) || isUuidLike(name)) throw new RequestRefused(400, message);
  if (RESERVED_NAMES.includes(name))
    throw new RequestRefused(
      400,
      `The word "${name}" is reserved and can not be used as a node name. Reserved words are: ${RESERVED_NAMES.join(', ')}.`,
    );
}
