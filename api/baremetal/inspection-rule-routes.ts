import { z } from 'zod';
import type { Json } from '../../core/base/json.ts';
import { inspectionRuleStore, type InspectionRule } from '../../inventory/baremetal-stores.ts';
import { checkRule, type RuleOperation } from '../../inventory/inspection-rule-policy.ts';
import { RequestRefused } from './baremetal-error.ts';
import type { BaremetalRoute } from './baremetal-route.ts';
import { text, textOrNone, truthOr, uuid } from './body-shapes.ts';
import { time, type FieldTable } from './field-table.ts';
import { patchValues } from './json-patch.ts';
import { recordRoutes, type RecordNoun } from './record-routes.ts';

/** Inspection rules, since 1.96. A sensitive rule does not show what it says. */
const OPERATIONS_MAX = 100;
const PRIORITY_MAX = 9999;
const json = z.custom<Json>((value) => typeof value === 'object' && value !== null, 'is neither a list nor an object');
const operation = z.strictObject({
  op: text(64),
  args: json,
  loop: json.optional(),
  multiple: z.enum(['any', 'all', 'first', 'last']).optional(),
});

export const conditionList = z
  .array(operation)
  .max(OPERATIONS_MAX)
  .nullish()
  .transform((list) => list ?? []);

const fields: FieldTable<InspectionRule> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  description: {},
  priority: {},
  sensitive: {},
  phase: {},
  conditions: { of: (rule) => (rule.sensitive ? null : rule.conditions) },
  actions: { of: (rule) => (rule.sensitive ? null : rule.actions) },
};
const writable = {
  description: textOrNone(),
  priority: z
    .number()
    .int()
    .min(0)
    .max(PRIORITY_MAX)
    .nullish()
    .transform((priority) => priority ?? 0),
  sensitive: truthOr('sensitive', false),
  phase: z
    .literal('main')
    .nullish()
    .transform(() => 'main'),
  conditions: conditionList,
  actions: z.array(operation).min(1).max(OPERATIONS_MAX),
};

/** @throws 400 */
function requireSound<Values extends { readonly conditions: readonly object[]; readonly actions: readonly object[] }>(
  values: Values,
): Values {
  const problem = checkRule(values as unknown as { conditions: RuleOperation[]; actions: RuleOperation[] });
  if (problem !== undefined) throw new RequestRefused(400, `Validation failed for inspection rule: ${problem}`);
  return values;
}

const rule: RecordNoun<InspectionRule> = {
  url: 'inspection_rules',
  name: 'inspection_rules',
  title: 'Inspection rule',
  since: 96,
  beforeWrite: 405,
  rule: 'inspection_rule',
  table: fields,
  shortForm: ['uuid', 'priority', 'phase', 'description'],
  unsortable: ['actions', 'conditions'],
  store: inspectionRuleStore,
  hasNames: false,
  patchable: Object.keys(writable),
  fromCreate: async (call) => {
    const { uuid: given, ...values } = z.strictObject({ ...writable, uuid: uuid.nullish() }).parse(call.body ?? {});
    return { ...requireSound(values), ...(given == null ? {} : { uuid: given }) };
  },
  fromPatch: async (_call, document, row, { operations }) => {
    if (row.sensitive && patchValues(operations, '/sensitive').some((value) => value !== true))
      throw new RequestRefused(400, 'Inspection rules cannot have the sensitive flag unset.');
    return requireSound(z.object(writable).parse(document));
  },
};

export const inspectionRuleRoutes: readonly BaremetalRoute[] = recordRoutes(rule, 'no-detail');
