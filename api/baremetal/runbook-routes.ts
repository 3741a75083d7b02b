import { z } from 'zod';
import { runbookStore, type Runbook } from '../../inventory/baremetal-stores.ts';
import { publicOrOwned } from '../../inventory/row-conditions.ts';
import { RequestRefused } from './baremetal-error.ts';
import type { PolicyTarget } from './baremetal-policy.ts';
import type { BaremetalRoute, Call } from './baremetal-route.ts';
import { jsonObject, jsonOrNone, text, textOrNone, trait, truthOr, uuid } from './body-shapes.ts';
import { time, type FieldTable } from './field-table.ts';
import { isTouched } from './json-patch.ts';
import { listScope } from './node-access.ts';
import { maskArgs } from './secret-args.ts';
import { recordNotFound, recordRoutes, type RecordNoun } from './record-routes.ts';
import { short, toIdent } from './query-values.ts';

/** Runbooks, since 1.92: curated steps that a project may run on its nodes, where a node has the runbook's name as a trait. */
const STEPS_MAX = 255;
const ORDER_MAX = 1_000_000;
const step = z.strictObject({
  interface: z.enum(['power', 'management', 'deploy', 'bios', 'raid', 'firmware', 'vendor']),
  step: text().min(1),
  args: jsonObject,
  order: z.union([
    z.number().int().min(0).max(ORDER_MAX),
    z
      .string()
      .regex(/^\d{1,6}$/)
      .transform(Number),
  ]),
});
type Step = z.infer<typeof step>;

const fields: FieldTable<Runbook> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  name: {},
  steps: { of: (runbook) => (runbook.steps as Step[]).map((each) => ({ ...each, args: maskArgs(each.args) })) },
  disable_ramdisk: {},
  public: {},
  owner: {},
  extra: {},
};
const writable = {
  name: trait,
  steps: z.array(step).min(1).max(STEPS_MAX),
  disable_ramdisk: truthOr('disable_ramdisk', false),
  public: truthOr('public', false),
  owner: textOrNone(),
  extra: jsonOrNone,
};

/** @throws 400 when one step is there twice. */
function requireDistinct<Values extends { readonly steps: readonly Step[] }>(values: Values): Values {
  const names = values.steps.map((each) => `interface: ${each.interface}, step: ${each.step}`);
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  if (twice.length > 0) throw new RequestRefused(400, `Runbook invalid: Duplicate steps: ${[...new Set(twice)].join('; ')}.`);
  return values;
}

const targetOf = (row: Pick<Runbook, 'owner' | 'public'>): PolicyTarget => ({ 'runbook.owner': row.owner, 'runbook.public': row.public });

async function authorize(call: Call, rule: string, row: Runbook): Promise<void> {
  if (!row.public && !call.allows('runbook:get', targetOf(row))) throw recordNotFound({ title: 'Runbook' }, row.uuid);
  if (rule === 'runbook:get' || (rule === 'runbook:use' && row.public)) return;
  call.require(rule, targetOf(row));
}

const runbook: RecordNoun<Runbook> = {
  url: 'runbooks',
  name: 'runbooks',
  title: 'Runbook',
  since: 92,
  beforeWrite: 405,
  rule: 'runbook',
  table: fields,
  shortForm: ['uuid', 'name'],
  unsortable: ['extra', 'steps'],
  store: runbookStore,
  hasNames: true,
  patchable: ['name', 'steps', 'public', 'owner', 'extra', 'disable_ramdisk'],
  async conditions(call) {
    const project = listScope(call, 'runbook');
    return project === undefined ? [] : [publicOrOwned('r', project)];
  },
  authorize,
  async fromCreate(call) {
    call.require('runbook:create');
    const { uuid: given, ...values } = z.strictObject({ ...writable, uuid: uuid.nullish() }).parse(call.body ?? {});
    const isCloudWide = call.allows('runbook:update:public');
    if (!isCloudWide && values.owner !== null && values.owner !== call.actor.projectId)
      throw new RequestRefused(400, 'Cannot create a runbook as a project scoped admin with an owner other than your own project.');
    if (!isCloudWide && values.public) throw new RequestRefused(400, 'Cannot create a public runbook as a project scoped admin.');
    const owner = isCloudWide ? values.owner : call.actor.projectId;
    return { ...requireDistinct(values), owner, ...(given == null ? {} : { uuid: given }) };
  },
  async fromPatch(call, document, row, { operations }) {
    if (isTouched(operations, 'owner')) call.require('runbook:update:owner', targetOf(row));
    if (isTouched(operations, 'public')) call.require('runbook:update:public', targetOf(row));
    const values = requireDistinct(z.object(writable).parse(document));
    if (isTouched(operations, 'owner') && values.public && values.owner !== null)
      throw new RequestRefused(400, 'There cannot be an owner for a public runbook');
    return isTouched(operations, 'public') && values.public ? { ...values, owner: null } : values;
  },
};

export const runbookRoutes: readonly BaremetalRoute[] = recordRoutes(runbook, 'no-detail');

export interface RunbookUse {
  readonly steps: { readonly interface: string; readonly step: string; readonly args: object }[];
  readonly disableRamdisk: boolean;
}

/** The steps of a runbook for a node that may have it. @throws 400, 403, 404 */
export async function useRunbook(
  call: Call,
  word: string,
  node: { readonly uuid: string; readonly traits: readonly string[] },
): Promise<RunbookUse> {
  const row = await runbookStore.find(call.context.database.db, toIdent('runbook', word));
  if (row === undefined) throw recordNotFound({ title: 'Runbook' }, short(word));
  await authorize(call, 'runbook:use', row);
  if (!node.traits.includes(row.name))
    throw new RequestRefused(400, `The runbook ${row.name} can not be used on node ${node.uuid}: the node has no trait of that name.`);
  const steps = (row.steps as Step[]).toSorted((a, b) => a.order - b.order);
  return { steps: steps.map(({ order: _order, ...rest }) => rest), disableRamdisk: row.disable_ramdisk };
}
