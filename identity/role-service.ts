import { sql } from 'kysely';
import { mergeExtra, refuseImmutable } from './extra-policy.ts';
import { badRequest, conflict, forbidden, IdentityError } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader } from './identity-context.ts';
import { findDomain } from './project-record.ts';
import { mergeOptions } from './project-service.ts';
import { implications, mustFindRole, readRoleTree, roles, withImplied, type RoleRecord } from './role-record.ts';
import { onUnique } from './store/unique-violation.ts';

/** Roles and which implies which. */
export interface RoleRequest {
  readonly name?: string | undefined;
  readonly domain_id?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly options?: Record<string, unknown> | undefined;
  readonly [extra: string]: unknown;
}

const OWN = ['id', 'name', 'domain_id', 'description', 'options', 'links'];
const exists = (name: unknown) => () => conflict('role', `Duplicate entry found with name ${String(name)}`);

export async function createRole(context: IdentityContext, request: RoleRequest): Promise<RoleRecord> {
  return context.write(async (trx) => {
    if (request.domain_id != null && (await findDomain(trx, request.domain_id)) === undefined)
      throw badRequest(`Could not find domain: ${request.domain_id}.`);
    const row = {
      id: newId(),
      name: request.name!,
      domain_id: request.domain_id ?? null,
      description: request.description ?? null,
      options: mergeOptions({}, request.options ?? {}),
      extra: mergeExtra({}, request, OWN),
    };
    await onUnique(roles.insert(trx, row), exists(row.name));
    return mustFindRole(trx, row.id);
  });
}

export async function updateRole(context: IdentityContext, id: string, request: RoleRequest): Promise<RoleRecord> {
  return context.write(async (trx) => {
    const before = await mustFindRole(trx, id);
    refuseImmutable('role', before, request.options ?? {});
    if (request.domain_id !== undefined && request.domain_id !== before.domain_id) throw badRequest('Cannot change Domain ID');
    const change = {
      name: request.name,
      description: request.description,
      options: request.options === undefined ? undefined : mergeOptions(before.options, request.options),
      extra: mergeExtra(before.extra, request, OWN),
    };
    await onUnique(roles.update(trx, { id }, change), exists(request.name));
    return mustFindRole(trx, id);
  });
}

export async function deleteRole(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    refuseImmutable('role', await mustFindRole(trx, id));
    await roles.remove(trx, { id });
    await sql`delete from identity_application_credential where ${id} = any(role_ids)`.execute(trx);
  });
}

/** @throws IdentityError 403 for `admin`, which nothing may imply, and for a role that would come to imply itself. */
export async function createImplication(context: IdentityContext, priorId: string, impliedId: string): Promise<void> {
  await context.write(async (trx) => {
    const [prior, implied] = [await mustFindRole(trx, priorId), await mustFindRole(trx, impliedId)];
    if (implied.name === 'admin' && implied.domain_id === null) throw forbidden(`${impliedId} cannot be an implied roles.`);
    if (withImplied(await readRoleTree(trx), [impliedId]).includes(prior.id))
      throw forbidden(`${priorId} would come to imply itself by implying ${impliedId}.`);
    await implications.insertOnce(trx, { prior_role_id: priorId, implied_role_id: impliedId });
  });
}

const noImplication = (priorId: string, impliedId: string) => new IdentityError(404, `${priorId} does not imply ${impliedId}.`);

export async function mustImply(db: Reader, priorId: string, impliedId: string): Promise<void> {
  if ((await implications.find(db, { prior_role_id: priorId, implied_role_id: impliedId })) === undefined)
    throw noImplication(priorId, impliedId);
}

export async function deleteImplication(context: IdentityContext, priorId: string, impliedId: string): Promise<void> {
  await context.write(async (trx) => {
    if ((await implications.remove(trx, { prior_role_id: priorId, implied_role_id: impliedId })) === 0)
      throw noImplication(priorId, impliedId);
  });
}

export async function impliedRoles(db: Reader, priorId: string): Promise<RoleRecord[]> {
  const tree = await readRoleTree(db);
  return (tree.implied.get(priorId) ?? []).flatMap((id) => tree.byId.get(id) ?? []);
}
