import { z } from 'zod';
import { machineTagStore, type MachineTag } from '../../inventory/baremetal-stores.ts';
import { checkRule, type RuleOperation } from '../../inventory/inspection-rule-policy.ts';
import { retagAll, tagByHand } from '../../inventory/machine-tag-service.ts';
import { notifyBootModel } from '../../inventory/node-service.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { text, uuid } from './body-shapes.ts';
import { time, type FieldTable } from './field-table.ts';
import { conditionList } from './inspection-rule-routes.ts';
import { nodeFor } from './node-access.ts';
import { recordRoutes, type RecordNoun } from './record-routes.ts';

/** Tags, ours: by conditions over the last inspection (as an inspection rule has them), or by hand; with kernel options for the agent. */
const fields: FieldTable<MachineTag> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  name: {},
  comment: {},
  conditions: {},
  kernel_options: {},
};
const optional = (max: number) =>
  text(max)
    .nullish()
    .transform((value) => value ?? '');
/** A kernel command line has 2048 bytes on x86 for all its words. */
const KERNEL_OPTIONS_MAX = 1000;
const writable = {
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is not a name of letters, digits, dot, dash and underscore'),
  comment: optional(1000),
  conditions: conditionList,
  kernel_options: optional(KERNEL_OPTIONS_MAX).refine((value) => /^[\x20-\x7e]*$/.test(value), 'has more than visible ASCII'),
};

/** @throws 400 */
function requireSound<Values extends { readonly conditions: readonly object[] }>(values: Values): Values {
  const problem = checkRule({ conditions: values.conditions as RuleOperation[], actions: [] });
  if (problem !== undefined) throw new RequestRefused(400, `Validation failed for tag: ${problem}`);
  return values;
}

const noun: RecordNoun<MachineTag> = {
  url: 'tags',
  name: 'tags',
  title: 'Tag',
  rule: 'machine_tag',
  table: fields,
  shortForm: ['uuid', 'name', 'comment', 'kernel_options'],
  unsortable: ['conditions'],
  store: machineTagStore,
  hasNames: true,
  patchable: Object.keys(writable),
  fromCreate: async (call) => {
    const { uuid: given, ...values } = z.strictObject({ ...writable, uuid: uuid.nullish() }).parse(call.body ?? {});
    return { ...requireSound(values), ...(given == null ? {} : { uuid: given }) };
  },
  fromPatch: async (_call, document) => requireSound(z.object(writable).parse(document)),
  afterWrite: retagAll,
  beforeDelete: async (trx) => void (await notifyBootModel(trx)),
};

const byHand = (method: 'PUT' | 'DELETE'): BaremetalRoute => ({
  method,
  path: '/nodes/:node/tags/:tag',
  async handle(call: Call) {
    const node = await nodeFor(call, call.params['node']!, 'node:update:tags');
    await call.context.database.db.transaction().execute((trx) => tagByHand(trx, node.uuid, call.params['tag']!, method === 'PUT'));
    return noContent();
  },
});

export const machineTagRoutes: readonly BaremetalRoute[] = [
  ...recordRoutes(noun, 'no-detail'),
  {
    method: 'GET',
    path: '/nodes/:node/tags',
    handle: async (call) => ok({ tags: (await nodeFor(call, call.params['node']!, 'node:get')).tags }),
  },
  byHand('PUT'),
  byHand('DELETE'),
];
