import { z } from 'zod';
import type { IdentityContext } from '../../identity/identity-context.ts';
import { badRequest, notFound } from '../../identity/identity-error.ts';
import { parseTime, type ExactTime } from '../../identity/iso-time.ts';
import { findRole, roles, type RoleRecord } from '../../identity/role-record.ts';

/** Roles named in a body: each by id or by name. */
export const roleList = z.array(
  z
    .strictObject({ id: z.string().optional(), name: z.string().optional() })
    .refine((role) => (role.id === undefined) !== (role.name === undefined), 'needs either id or name'),
);

export async function roleIdsOf(db: IdentityContext['db'], references: z.infer<typeof roleList>): Promise<string[]> {
  return Promise.all(
    references.map(async ({ id, name }) => {
      const role = id === undefined ? await roles.find<RoleRecord>(db, { name, domain_id: null }) : await findRole(db, id);
      if (role === undefined) throw notFound('role', id ?? name!);
      return role.id;
    }),
  );
}

/** @throws IdentityError 400 for a text that is no time. */
export function expiryOf(text: string | null | undefined): ExactTime | undefined {
  if (text == null) return undefined;
  const ms = parseTime(text);
  if (ms === undefined) throw badRequest(`Timestamp not in expected format: ${text}.`);
  return { ms, text: /(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z` };
}
