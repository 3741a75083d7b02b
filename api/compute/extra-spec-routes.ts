import { changeExtraSpecs, readFlavor } from '../../compute/flavor-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { readBody, requireValid, wrapped } from './compute-body.ts';
import { dbOf, ownTarget, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { flavorEyes } from './flavor-routes.ts';

/** What a scheduler looks for: `resources:CUSTOM_METAL`, `trait:CUSTOM_FAST`, and what else the operator writes down. */
const SPECS: JsonSchema = {
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: ['string', 'number'], maxLength: 255 } },
  additionalProperties: false,
};
/** From here on what a known namespace does not have, and values that its keys can not have, are refused. */
const CHECKED_SINCE = 86;

type Specs = Readonly<Record<string, string | number>>;

const RULES: readonly { readonly key: RegExp; readonly value?: RegExp }[] = [
  { key: /^resources[A-Za-z0-9_-]*:[A-Z0-9_]+$/, value: /^\d+$/ },
  { key: /^trait[A-Za-z0-9_-]*:[A-Z0-9_]+$/, value: /^(required|forbidden)$/ },
  { key: /^group_policy$/, value: /^(none|isolate)$/ },
  {
    key: /^(accel|aggregate_instance_extra_specs|capabilities|hide_hypervisor_id|hw|hw_rng|hw_video|os|pci_passthrough|powervm|quota|vmware)(:|$)/,
  },
];
const KNOWN_NAMESPACE =
  /^(resources[A-Za-z0-9_-]*|trait[A-Za-z0-9_-]*|accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|powervm|quota|vmware):/;

/** @throws Refusal 400 */
function requireKnown(specs: Readonly<Record<string, string>>, minor: number): void {
  if (minor < CHECKED_SINCE) return;
  for (const [key, value] of Object.entries(specs)) {
    const rule = RULES.find((one) => one.key.test(key));
    if (rule === undefined && KNOWN_NAMESPACE.test(key))
      throw new Refusal(400, `Validation failed; extra spec '${key}' does not appear to be a valid extra spec.`);
    if (rule?.value !== undefined && !rule.value.test(value))
      throw new Refusal(400, `Validation failed; '${value}' is not of the format '${rule.value.source}' for extra spec '${key}'.`);
  }
}

const asText = (specs: Specs) => Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]));

async function change(call: ComputeCall, verb: 'create' | 'update', given: Specs): Promise<Answer> {
  const specs = asText(given);
  requireKnown(specs, call.minor);
  await changeExtraSpecs(dbOf(call), call.params['flavor_id']!, specs);
  return ok(verb === 'create' ? { extra_specs: specs } : specs);
}

async function read(call: ComputeCall, rule: string) {
  call.require(`os_compute_api:os-flavor-extra-specs:${rule}`, ownTarget(call));
  return (await readFlavor(dbOf(call), call.params['flavor_id']!, flavorEyes(call))).extra_specs;
}

const noKey = (call: ComputeCall) =>
  new Refusal(404, `Flavor ${call.params['flavor_id']} has no extra specs with key ${call.params['key']}.`);

const PATH = '/v2.1/flavors/:flavor_id/os-extra_specs';

export const extraSpecRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: PATH, handle: async (call) => ok({ extra_specs: await read(call, 'index') }) },
  {
    method: 'POST',
    path: PATH,
    async handle(call) {
      call.require('os_compute_api:os-flavor-extra-specs:create');
      return change(call, 'create', readBody<{ extra_specs: Specs }>(call, wrapped('extra_specs', SPECS)).extra_specs);
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:key`,
    async handle(call) {
      const specs = await read(call, 'show');
      const key = call.params['key']!;
      if (!Object.hasOwn(specs, key)) throw noKey(call);
      return ok({ [key]: specs[key] });
    },
  },
  {
    method: 'PUT',
    path: `${PATH}/:key`,
    async handle(call) {
      call.require('os_compute_api:os-flavor-extra-specs:update');
      const specs = readBody<Specs>(call, SPECS);
      const keys = Object.keys(specs);
      if (keys.length > 1) throw new Refusal(400, 'Request body contains too many items');
      if (keys[0] !== call.params['key']) throw new Refusal(400, 'Request body and URI mismatch');
      return change(call, 'update', specs);
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:key`,
    async handle(call) {
      call.require('os_compute_api:os-flavor-extra-specs:delete');
      const key = call.params['key']!;
      requireValid({ type: 'string', maxLength: 255 }, key);
      const { extra_specs } = await readFlavor(dbOf(call), call.params['flavor_id']!, undefined);
      if (!Object.hasOwn(extra_specs, key)) throw noKey(call);
      await changeExtraSpecs(dbOf(call), call.params['flavor_id']!, { [key]: null });
      return { status: 200 };
    },
  },
];
