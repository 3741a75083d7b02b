import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { directoryOptions, type DirectoryOptions } from './directory/directory-options.ts';
import { checkDirectoryPassword, readDirectory, type DirectoryGroup, type DirectoryUser } from './directory/ldap-client.ts';
import { findDomainBy } from './authentication/user-reference.ts';
import { forbidden, IdentityError, unauthorized } from './identity-error.ts';
import type { IdentityContext, Writer } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';
import { findUser, listUsers, mustFindUser, users, type UserRecord } from './user-record.ts';

/*
 * Domains whose users and groups are kept in an LDAP directory. Each has a shadow here, so that roles, groups and tokens work
 * as for all others; what the directory says is copied at login and when the domain is listed. We never write to it.
 */
const groups = recordStore('identity_group');
const members = recordStore('identity_group_member');

/** As Keystone makes ids of others' users: the same in every installation. */
const shadowId = (domainId: string, kind: 'user' | 'group', localId: string) =>
  createHash('sha256').update(`${domainId}${localId}${kind}`).digest('hex');

interface UserReference {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly domain?: { readonly id?: string | undefined; readonly name?: string | undefined } | undefined;
}

/**
 * Undefined when the user's domain is ours.
 * @throws IdentityError 401 for a wrong password, 503 when the directory does not answer
 */
export async function authenticateInDirectory(
  context: IdentityContext,
  reference: UserReference,
  password: string,
): Promise<UserRecord | undefined> {
  const known = reference.id === undefined ? undefined : await findUser(context.db, reference.id);
  const domainId = known?.domain_id ?? (reference.id === undefined ? (await findDomainBy(context.db, reference.domain))?.id : undefined);
  const options = domainId === undefined ? undefined : await directoryOptions(context, domainId);
  if (options === undefined) return undefined;
  const name = known?.name ?? reference.name ?? '';
  const found = await ask(context, () => checkDirectoryPassword(options, name, password));
  if (found === undefined) throw unauthorized();
  const id = await storeShadow(context, options, found);
  if (!found.enabled) throw unauthorized(`The account is disabled for user: ${id}.`);
  return mustFindUser(context.db, id);
}

async function ask<T>(context: IdentityContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof IdentityError) throw error;
    context.logger.warn({ err: error }, 'the directory of a domain does not answer');
    throw new IdentityError(503, 'The directory of the domain does not answer; the server log has the cause.');
  }
}

const shadowOf = (options: DirectoryOptions, found: DirectoryUser) => ({
  name: found.name,
  enabled: found.enabled,
  description: found.description,
  extra: found.mail === null ? {} : { email: found.mail },
  external_id: found.localId,
  domain_id: options.domainId,
});

const isSame = (record: UserRecord | undefined, shadow: ReturnType<typeof shadowOf>) =>
  record !== undefined &&
  record.name === shadow.name &&
  record.enabled === shadow.enabled &&
  record.description === shadow.description &&
  JSON.stringify(record.extra) === JSON.stringify(shadow.extra);

/** Nothing is written when nothing changed: a login must not make every process forget what it knows. */
async function storeShadow(context: IdentityContext, options: DirectoryOptions, found: DirectoryUser): Promise<string> {
  const id = shadowId(options.domainId, 'user', found.localId);
  const shadow = shadowOf(options, found);
  if (isSame(await findUser(context.db, id), shadow)) return id;
  await context.write((trx) => writeShadow(trx, id, shadow));
  return id;
}

async function writeShadow(trx: Writer, id: string, shadow: ReturnType<typeof shadowOf>): Promise<void> {
  await users.insertOnce(trx, { id, options: {}, ...shadow });
  await users.update(trx, { id }, shadow);
}

/** Before a list of the domain is shown: who came, who went. Nothing for a domain of ours. */
export async function refreshDirectory(context: IdentityContext, domainId: string): Promise<void> {
  const options = await directoryOptions(context, domainId);
  if (options === undefined) return;
  const found = await ask(context, () => readDirectory(options));
  const known = await listUsers(context.db, { domain_id: domainId });
  const fresh = new Map(found.users.map((user) => [shadowId(domainId, 'user', user.localId), user]));
  const changed = [...fresh].filter(
    ([id, user]) =>
      !isSame(
        known.find((one) => one.id === id),
        shadowOf(options, user),
      ),
  );
  const left = known.filter((user) => user.external_id !== null && !fresh.has(user.id) && user.enabled);
  const before = await groupPicture(context, domainId);
  const picture = found.groups.map((group) => pictureOf(options, group, found.users));
  if (
    changed.length === 0 &&
    left.length === 0 &&
    before === JSON.stringify(picture.toSorted((one, other) => (one.id < other.id ? -1 : 1)))
  )
    return;
  await context.write(async (trx) => {
    for (const [id, user] of changed) await writeShadow(trx, id, shadowOf(options, user));
    for (const user of left) await users.update(trx, { id: user.id }, { enabled: false });
    await writeGroups(trx, domainId, picture);
  });
}

interface GroupPicture {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly memberIds: readonly string[];
}

function pictureOf(options: DirectoryOptions, group: DirectoryGroup, all: readonly DirectoryUser[]): GroupPicture {
  const isMember = (user: DirectoryUser) =>
    group.members.some((member) =>
      options.groups.membersAreIds ? member === user.localId : member.toLowerCase() === user.dn.toLowerCase(),
    );
  const memberIds = all.filter(isMember).map((user) => shadowId(options.domainId, 'user', user.localId));
  const id = shadowId(options.domainId, 'group', group.localId);
  return { id, name: group.name, description: group.description ?? '', memberIds: memberIds.toSorted() };
}

async function groupPicture(context: IdentityContext, domainId: string): Promise<string> {
  const { rows } = await sql<GroupPicture>`
    select id, name, description,
      (select coalesce(array_agg(user_id order by user_id collate "C"), '{}') from identity_group_member where group_id = id) as "memberIds"
    from identity_group where domain_id = ${domainId} order by id collate "C"`.execute(context.db);
  return JSON.stringify(rows);
}

async function writeGroups(trx: Writer, domainId: string, picture: readonly GroupPicture[]): Promise<void> {
  const kept = picture.map((group) => group.id);
  await sql`delete from identity_group where domain_id = ${domainId} and not (id = any(${kept}))`.execute(trx);
  for (const { id, name, description, memberIds } of picture) {
    await groups.insertOnce(trx, { id, domain_id: domainId, name, description, extra: {} });
    await groups.update(trx, { id }, { name, description });
    await members.remove(trx, { group_id: id });
    for (const userId of memberIds) await members.insertOnce(trx, { group_id: id, user_id: userId });
  }
}

/** @throws IdentityError 403: we only read others' directories. */
export async function refuseDirectoryChange(context: IdentityContext, domainId: string): Promise<void> {
  if ((await directoryOptions(context, domainId)) !== undefined)
    throw forbidden(
      'You are not authorized to perform the requested action: the users and groups of this domain are kept in an LDAP directory, which is only read.',
    );
}
