import type { Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { notFound } from './identity-error.ts';
import type { Reader } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';

/** A role of the cloud, or of one domain: those only imply others and never appear in a token. */
export type RoleRecord = Selectable<IdentityTables['identity_role']>;

export const roles = recordStore('identity_role');
export const implications = recordStore('identity_role_implication');

export const findRole = (db: Reader, id: string) => roles.find<RoleRecord>(db, { id });

export async function mustFindRole(db: Reader, id: string): Promise<RoleRecord> {
  const role = await findRole(db, id);
  if (role === undefined) throw notFound('role', id);
  return role;
}

export interface RoleTree {
  readonly byId: ReadonlyMap<string, RoleRecord>;
  readonly implied: ReadonlyMap<string, readonly string[]>;
}

/** All roles and what they imply: a cloud has a few dozen. */
export async function readRoleTree(db: Reader): Promise<RoleTree> {
  const all = await roles.list<RoleRecord>(db);
  const implied = new Map<string, string[]>();
  for (const rule of await implications.list<{ prior_role_id: string; implied_role_id: string }>(db)) {
    implied.set(rule.prior_role_id, [...(implied.get(rule.prior_role_id) ?? []), rule.implied_role_id]);
  }
  return { byId: new Map(all.map((role) => [role.id, role])), implied };
}

/** The roles and all that they imply, each once, in the order found. */
export function withImplied(tree: RoleTree, ids: readonly string[]): string[] {
  const found = new Set<string>();
  const waiting = [...ids];
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    if (found.has(id)) continue;
    found.add(id);
    waiting.push(...(tree.implied.get(id) ?? []));
  }
  return [...found];
}
