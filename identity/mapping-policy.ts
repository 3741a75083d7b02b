import { z } from 'zod';

/** The shape of a federation mapping; what it decides is in `federation/`. Spec: Keystone's "Mapping Combinations", 1.0 and 2.0. */
const named = z.strictObject({ id: z.string().optional(), name: z.string().optional() });
const localUser = z.strictObject({
  id: z.string().optional(),
  name: z.string().optional(),
  email: z.string().optional(),
  domain: named.optional(),
  type: z.enum(['ephemeral', 'local']).optional(),
});
const localProject = z.strictObject({
  name: z.string(),
  domain: named.optional(),
  roles: z.array(z.strictObject({ name: z.string() })),
});
const local = z.strictObject({
  domain: named.optional(),
  user: localUser.optional(),
  projects: z.array(localProject).optional(),
  group: z.union([z.strictObject({ id: z.string() }), z.strictObject({ name: z.string(), domain: named })]).optional(),
  groups: z.string().optional(),
  group_ids: z.string().optional(),
});

const type = z.string();
const texts = z.array(z.string());
const remote = z.union([
  z.strictObject({ type }),
  z.strictObject({ type, any_one_of: texts, regex: z.boolean().optional() }),
  z.strictObject({ type, not_any_of: texts, regex: z.boolean().optional() }),
  z.strictObject({ type, blacklist: texts, regex: z.boolean().optional() }),
  z.strictObject({ type, whitelist: texts, regex: z.boolean().optional() }),
]);

export const mappingShape = z.strictObject({
  id: z.string().optional(),
  rules: z.array(z.strictObject({ local: z.array(local), remote: z.array(remote).min(1) })).min(1),
  schema_version: z.enum(['1.0', '2.0']).optional(),
});

export type MappingRule = z.infer<typeof mappingShape>['rules'][number];
export type LocalRule = z.infer<typeof local>;
export type RemoteRule = z.infer<typeof remote>;
