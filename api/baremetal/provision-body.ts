import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { RequestRefused } from './baremetal-error.ts';
import { notAcceptable, type Call } from './baremetal-route.ts';
import { jsonObject, text, truth } from './body-shapes.ts';

/** `PUT states/provision`: what comes with each target, and since which version. */
const TARGET_SINCE: Readonly<Record<string, number>> = {
  manage: 4,
  provide: 4,
  inspect: 6,
  abort: 13,
  clean: 15,
  adopt: 17,
  rescue: 38,
  unrescue: 38,
  deploy: 73,
  undeploy: 73,
  unhold: 85,
  service: 87,
};
const STEPS_MAX = 255;
const cleaningInterfaces = ['power', 'management', 'deploy', 'bios', 'raid', 'firmware'] as const;

const cleanStep = z.strictObject({
  interface: z.enum(cleaningInterfaces),
  step: text().min(1),
  args: jsonObject.optional(),
  order: z.number().optional(),
});
export const deployStep = z.strictObject({
  interface: z.enum(cleaningInterfaces),
  step: text().min(1),
  args: jsonObject,
  priority: z.union([
    z.number().int().min(0),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ]),
});

const body = z.strictObject({
  target: text(),
  configdrive: z.unknown().optional(),
  clean_steps: z.array(cleanStep).max(STEPS_MAX).nullish(),
  deploy_steps: z.array(deployStep).max(STEPS_MAX).nullish(),
  service_steps: z.array(cleanStep).max(STEPS_MAX).nullish(),
  rescue_password: z.string().max(512).nullish(),
  disable_ramdisk: truth('disable_ramdisk').nullish(),
  runbook: text().nullish(),
});
export type ProvisionBody = z.infer<typeof body>;

const belongsTo = (field: string, given: unknown, target: string, targets: readonly string[]) => {
  const isEmpty = given == null || (Array.isArray(given) && given.length === 0);
  if (!isEmpty && !targets.includes(target))
    throw new RequestRefused(400, `"${field}" is only valid when setting target provision state to ${targets.join(' or ')}`);
};

/** @throws 400, 406 */
export function parseProvision(call: Call): ProvisionBody {
  const parsed = body.parse({ ...call.query, ...(call.body as object | undefined) });
  const { target } = parsed;
  const since = (Object.hasOwn(TARGET_SINCE, target) ? TARGET_SINCE[target] : undefined) ?? 1;
  if (since > call.minor) throw new RequestRefused(406, notAcceptable(since));
  if (parsed.disable_ramdisk != null && call.minor < 70)
    throw new RequestRefused(406, 'disable_ramdisk is not acceptable in this API version');
  belongsTo('disable_ramdisk', parsed.disable_ramdisk, target, call.minor >= 108 ? ['clean', 'service'] : ['clean']);
  belongsTo('clean_steps', parsed.clean_steps, target, ['clean']);
  if (parsed.deploy_steps != null && parsed.deploy_steps.length > 0 && call.minor < 69) throw new RequestRefused(406, notAcceptable(69));
  belongsTo('deploy_steps', parsed.deploy_steps, target, ['active', 'rebuild', 'deploy']);
  belongsTo('service_steps', parsed.service_steps, target, ['service']);
  belongsTo('rescue_password', parsed.rescue_password, target, ['rescue']);
  if (parsed.runbook != null && call.minor < 92) throw new RequestRefused(406, notAcceptable(92));
  belongsTo('runbook', parsed.runbook, target, ['clean', 'service']);
  if (target === 'rescue' && (parsed.rescue_password ?? '').trim() === '')
    throw new RequestRefused(400, 'A non-empty "rescue_password" is required when setting target provision state to rescue');
  if (target === 'clean' && (parsed.clean_steps ?? []).length === 0 && parsed.runbook == null)
    throw new RequestRefused(400, '"clean_steps" is required when setting target provision state to clean');
  if (target === 'service' && (parsed.service_steps ?? []).length === 0 && parsed.runbook == null)
    throw new RequestRefused(400, '"service_steps" is required when setting target provision state to service');
  return parsed;
}

/** What the flow of the verb reads. A password is sealed: flows are rows. */
export const flowInput = (parsed: ProvisionBody, seal: (text: string) => string): JsonObject => ({
  target: parsed.target,
  ...(parsed.clean_steps == null ? {} : { clean_steps: parsed.clean_steps as never }),
  ...(parsed.deploy_steps == null ? {} : { deploy_steps: parsed.deploy_steps as never }),
  ...(parsed.service_steps == null ? {} : { service_steps: parsed.service_steps as never }),
  ...(parsed.disable_ramdisk == null ? {} : { disable_ramdisk: parsed.disable_ramdisk }),
  ...(parsed.rescue_password == null ? {} : { sealed_rescue_password: seal(parsed.rescue_password) }),
});
