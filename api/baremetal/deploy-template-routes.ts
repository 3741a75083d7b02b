import { z } from 'zod';
import { deployTemplateStore, type DeployTemplate } from '../../inventory/baremetal-stores.ts';
import { RequestRefused } from './baremetal-error.ts';
import type { BaremetalRoute } from './baremetal-route.ts';
import { jsonOrNone, trait, uuid } from './body-shapes.ts';
import { time, type FieldTable } from './field-table.ts';
import { deployStep } from './provision-body.ts';
import { maskArgs } from './secret-args.ts';
import { recordRoutes, type RecordNoun } from './record-routes.ts';

/** Deploy templates: named lists of deploy steps, used by instances whose traits have the name. */
type Step = z.infer<typeof deployStep>;
const fields: FieldTable<DeployTemplate> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  name: {},
  steps: { of: (template) => (template.steps as Step[]).map((step) => ({ ...step, args: maskArgs(step.args) })) },
  extra: {},
};
const STEPS_MAX = 255;
const writable = { name: trait, steps: z.array(deployStep).min(1).max(STEPS_MAX), extra: jsonOrNone };

/** @throws 400 when one step is there twice. */
function requireDistinct<Values extends { readonly steps: readonly Step[] }>(values: Values): Values {
  const names = values.steps.map((step) => `interface: ${step.interface}, step: ${step.step}`);
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  if (twice.length > 0)
    throw new RequestRefused(
      400,
      `Deploy template invalid: Duplicate deploy steps. A deploy template cannot have multiple deploy steps with the same interface and step. Duplicates: ${[...new Set(twice)].join('; ')}.`,
    );
  return values;
}

const deployTemplate: RecordNoun<DeployTemplate> = {
  url: 'deploy_templates',
  name: 'deploy_templates',
  title: 'Deploy template',
  since: 55,
  beforeWrite: 405,
  rule: 'deploy_template',
  table: fields,
  shortForm: ['uuid', 'name'],
  unsortable: ['extra', 'steps'],
  store: deployTemplateStore,
  hasNames: true,
  patchable: Object.keys(writable),
  fromCreate: async (call) => {
    const { uuid: given, ...values } = z.strictObject({ ...writable, uuid: uuid.nullish() }).parse(call.body ?? {});
    return { ...requireDistinct(values), ...(given == null ? {} : { uuid: given }) };
  },
  fromPatch: async (_call, document) => requireDistinct(z.object(writable).parse(document)),
};

export const deployTemplateRoutes: readonly BaremetalRoute[] = recordRoutes(deployTemplate, 'no-detail');
