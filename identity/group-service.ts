import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { dropDanglingAssignments } from './assignment-service.ts';
import { refuseDirectoryChange } from './directory-service.ts';
import { mergeExtra } from './extra-policy.ts';
import { badRequest, conflict, IdentityError, notFound } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader } from './identity-context.ts';
import type { Selection } from './list-query-policy.ts';
import { findDomain } from './project-record.ts';
import { revoke } from './revocation-service.ts';
import { recordStore } from './store/record-store.ts';
import { onUnique } from './store/unique-violation.ts';
import { listUsers, mustFindUser, type UserRecord } from './user-record.ts';

/** Groups of users: a role of the group is a role of each. */
export type GroupRecord = Selectable<IdentityTables['identity_group']>;

export interface GroupRequest {
  readonly name?: string | undefined;
  readonly domain_id?: string | undefined;
  readonly description?: string | null | undefined;
  readonly [extra: string]: unknown;
}

const OWN = ['id', 'name', 'domain_id', 'description', 'links'];
const groups = recordStore('identity_group');
const members = recordStore('identity_group_member');

export const findGroup = (db: Reader, id: string) => groups.find<GroupRecord>(db, { id });
export const listGroups = (db: Reader, where: Record<string, unknown>, selection?: Selection) =>
  groups.list<GroupRecord>(db, where, selection);

export async function mustFindGroup(db: Reader, id: string): Promise<GroupRecord> {
  const group = await findGroup(db, id);
  if (group === undefined) throw notFound('group', id);
  return group;
}

export async function createGroup(context: IdentityContext, request: GroupRequest & { domain_id: string }): Promise<GroupRecord> {
  await refuseDirectoryChange(context, request.domain_id);
  return context.write(async (trx) => {
    if ((await findDomain(trx, request.domain_id)) === undefined) throw badRequest(`Could not find domain: ${request.domain_id}.`);
    const row = {
      id: newId(),
      domain_id: request.domain_id,
      name: request.name!,
      description: request.description ?? '',
      extra: mergeExtra({}, request, OWN),
    };
    await onUnique(groups.insert(trx, row), () => conflict('group', `Duplicate entry found with name ${row.name}`));
    return mustFindGroup(trx, row.id);
  });
}

export async function updateGroup(context: IdentityContext, id: string, request: GroupRequest): Promise<GroupRecord> {
  return context.write(async (trx) => {
    const before = await mustFindGroup(trx, id);
    await refuseDirectoryChange(context, before.domain_id);
    if (request.domain_id !== undefined && request.domain_id !== before.domain_id) throw badRequest('Cannot change Domain ID');
    const described = request.description === null ? '' : request.description;
    const changes = { name: request.name, description: described, extra: mergeExtra(before.extra, request, OWN) };
    await onUnique(groups.update(trx, { id }, changes), () => conflict('group', `Duplicate entry found with name ${String(request.name)}`));
    return mustFindGroup(trx, id);
  });
}

export async function deleteGroup(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    await refuseDirectoryChange(context, (await mustFindGroup(trx, id)).domain_id);
    await groups.remove(trx, { id });
    await dropDanglingAssignments(trx);
  });
}

export async function addMember(context: IdentityContext, groupId: string, userId: string): Promise<void> {
  await context.write(async (trx) => {
    await refuseDirectoryChange(context, (await mustFindGroup(trx, groupId)).domain_id);
    await mustFindUser(trx, userId);
    await members.insertOnce(trx, { group_id: groupId, user_id: userId });
  });
}

/** Rights that came by the group end with tokens made while in it. */
export async function removeMember(context: IdentityContext, groupId: string, userId: string): Promise<void> {
  await context.write(async (trx) => {
    await mustBeMember(trx, groupId, userId);
    await refuseDirectoryChange(context, (await mustFindGroup(trx, groupId)).domain_id);
    await members.remove(trx, { group_id: groupId, user_id: userId });
    await revoke(context, trx, { user_id: userId });
  });
}

export async function mustBeMember(db: Reader, groupId: string, userId: string): Promise<void> {
  await mustFindGroup(db, groupId);
  await mustFindUser(db, userId);
  const { rows } = await sql`
    select from identity_group_member
    where group_id = ${groupId} and user_id = ${userId} and (expires_at is null or expires_at > now())`.execute(db);
  if (rows.length === 0) throw new IdentityError(404, `User '${userId}' not found in group '${groupId}'`);
}

export async function listMembers(db: Reader, groupId: string, selection: Selection): Promise<UserRecord[]> {
  await mustFindGroup(db, groupId);
  const links = await members.list<{ user_id: string; expires_at: Date | null }>(db, { group_id: groupId });
  return listUsers(db, { id: links.map((link) => link.user_id) }, selection);
}
