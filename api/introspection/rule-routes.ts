import { sql } from 'kysely';
import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { inspectionRuleStore, type InspectionRule } from '../../inventory/baremetal-stores.ts';
import { checkRule } from '../../inventory/inspection-rule-policy.ts';
import { fromInspectorRule, InspectorRuleError, type InspectorRule } from '../../inventory/inspector-rule-codec.ts';
import { isUuid } from '../../inventory/node-store.ts';
import type { ApiContext } from '../baremetal/api-context.ts';
import { created, noContent, ok, Refusal, type Call, type ServiceRoute } from '../service-plugin.ts';

/** Rules in Inspector's form; those of the Bare Metal API are not shown here, and not touched. */
const LIST_MAX = 1000;
const OPERATIONS_MAX = 100;
const operation = z.looseObject({});
const ruleBody = z.strictObject({
  uuid: z.uuid().nullish(),
  description: z.string().max(255).nullish(),
  conditions: z
    .array(operation.extend({ field: z.string(), op: z.string(), multiple: z.enum(['any', 'all', 'first']).optional() }))
    .max(OPERATIONS_MAX)
    .default([]),
  actions: z
    .array(operation.extend({ action: z.string() }))
    .min(1)
    .max(OPERATIONS_MAX),
  scope: z.string().max(255).nullish(),
});

const show = (call: Call<ApiContext>, rule: InspectionRule, isWhole: boolean): JsonObject => {
  const { conditions, actions, scope } = rule.inspector_form as unknown as {
    conditions: JsonObject[];
    actions: JsonObject[];
    scope: string | null;
  };
  return {
    uuid: rule.uuid,
    description: rule.description,
    scope,
    ...(isWhole ? { conditions, actions } : {}),
    links: [{ href: `${call.base}/v1/rules/${rule.uuid}`, rel: 'self' }],
  };
};

async function create(call: Call<ApiContext>) {
  call.require('introspection:rule:create');
  const { uuid, description = null, ...form } = ruleBody.parse(call.body ?? {});
  const rule = translate(form as unknown as InspectorRule);
  const made = await call.context.database.db.transaction().execute((trx) =>
    inspectionRuleStore.insert(trx, {
      ...rule,
      description,
      inspector_form: { ...form, scope: form.scope ?? null },
      ...(uuid == null ? {} : { uuid }),
    }),
  );
  const body = show(call, made, true);
  return call.minor < 6 ? ok(body) : created(body);
}

/** @throws Refusal 400 */
function translate(form: InspectorRule) {
  try {
    const rule = fromInspectorRule(form);
    const problem = checkRule(rule);
    if (problem !== undefined) throw new InspectorRuleError(problem);
    return rule;
  } catch (error) {
    if (error instanceof InspectorRuleError) throw new Refusal(400, `Validation failed for the rule: ${error.message}`);
    throw error;
  }
}

const ofInspector = sql`r.inspector_form is not null`;

async function find(call: Call<ApiContext>): Promise<InspectionRule> {
  const uuid = call.params['rule']!;
  const row = isUuid(uuid) ? await inspectionRuleStore.find(call.context.database.db, { uuid }) : undefined;
  if (row === undefined || row.inspector_form === null) throw new Refusal(404, `Rule ${uuid.slice(0, 80)} was not found`);
  return row;
}

export const ruleRoutes: readonly ServiceRoute<ApiContext>[] = [
  { method: 'POST', path: '/v1/rules', handle: create },
  {
    method: 'GET',
    path: '/v1/rules',
    async handle(call) {
      call.require('introspection:rule:get');
      const rows = await inspectionRuleStore.list(call.context.database.db, [ofInspector], { limit: LIST_MAX, descending: false });
      return ok({ rules: rows.map((row) => show(call, row, false)) });
    },
  },
  {
    method: 'DELETE',
    path: '/v1/rules',
    async handle(call) {
      call.require('introspection:rule:delete');
      await call.context.database.db.deleteFrom('inspection_rule').where('inspector_form', 'is not', null).execute();
      return noContent;
    },
  },
  {
    method: 'GET',
    path: '/v1/rules/:rule',
    async handle(call) {
      call.require('introspection:rule:get');
      return ok(show(call, await find(call), true));
    },
  },
  {
    method: 'DELETE',
    path: '/v1/rules/:rule',
    async handle(call) {
      call.require('introspection:rule:delete');
      const { uuid } = await find(call);
      await call.context.database.db.transaction().execute((trx) => inspectionRuleStore.remove(trx, uuid));
      return noContent;
    },
  },
];
