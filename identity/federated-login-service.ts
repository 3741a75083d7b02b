import { issueFor } from './authentication-service.ts';
import { findDomainBy } from './authentication/user-reference.ts';
import { mustFindProtocol, mustFindProvider, mappingOf, type ProviderRecord } from './federation-service.ts';
import { applyMapping, type Assertion, type Mapped, type Reference } from './federation/apply-mapping-policy.ts';
import { forbidden, unauthorized } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import type { MappingRule } from './mapping-policy.ts';
import { projects, type ProjectRecord } from './project-record.ts';
import { roles, type RoleRecord } from './role-record.ts';
import { recordStore } from './store/record-store.ts';
import type { ValidToken } from './token-record.ts';
import { findUserByName, users } from './user-record.ts';

/*
 * Somebody whom an identity provider vouches for: the mapping says who that is here. The proof itself (a signature, a call to
 * the provider) is checked before, by whoever knows the protocol.
 */
const federated = recordStore('identity_federated_user');
const groups = recordStore('identity_group');
const members = recordStore('identity_group_member');

/** @throws IdentityError 401, 403, 404 */
export async function loginFederated(
  context: IdentityContext,
  providerId: string,
  protocolId: string,
  assertion: Assertion,
): Promise<ValidToken> {
  const provider = await mustFindProvider(context.db, providerId);
  const protocol = await mustFindProtocol(context.db, providerId, protocolId);
  if (!provider.enabled) throw forbidden(`Identity Provider ${providerId} is disabled.`);
  const mapping = await mappingOf(context.db, protocol);
  const mapped = applyMapping(mapping['rules'] as MappingRule[], assertion);
  if (mapped === undefined) throw unauthorized('The mapping of the identity provider has no rule for this user.');
  const groupIds = await groupIdsOf(context.db, provider, mapped);
  const userId =
    mapped.user.type === 'local' ? await localUser(context.db, mapped) : await shadowUser(context, provider, protocolId, mapped);
  if (mapped.projects.length > 0) await context.write((trx) => provision(trx, provider, userId, mapped.projects));
  if (mapped.user.type === 'local') return issueFor(context, { userId, methods: ['mapped'] }, 'unscoped');
  if (provider.authorization_ttl_minutes !== null && groupIds.length > 0)
    await rememberGroups(context, userId, groupIds, provider.authorization_ttl_minutes);
  return issueFor(context, { userId, methods: ['mapped'], federated: { groupIds, providerId, protocolId } }, 'unscoped');
}

async function domainIdOf(db: Reader, provider: ProviderRecord, reference: Reference | undefined): Promise<string> {
  return reference === undefined ? provider.domain_id : ((await findDomainBy(db, reference))?.id ?? '');
}

/** Groups that the mapping names must be there: a typing error must not make somebody less than they are, in silence. */
async function groupIdsOf(db: Reader, provider: ProviderRecord, mapped: Mapped): Promise<string[]> {
  const found: string[] = [];
  for (const id of mapped.groupIds) {
    if ((await groups.find(db, { id })) === undefined) throw unauthorized(`The mapping names a group that is not there: ${id}.`);
    found.push(id);
  }
  for (const { name, domain } of mapped.groupNames) {
    const group = await groups.find<{ id: string }>(db, { name, domain_id: await domainIdOf(db, provider, domain) });
    if (group !== undefined) found.push(group.id);
  }
  return [...new Set(found)];
}

async function localUser(db: Reader, { user }: Mapped): Promise<string> {
  const domain = await findDomainBy(db, user.domain);
  const found =
    user.id !== undefined ? await users.find<{ id: string }>(db, { id: user.id }) : await findUserByName(db, domain?.id ?? '', user.name!);
  if (found === undefined) throw unauthorized('The mapping names a local user who is not there.');
  return found.id;
}

/** One shadow for each name that the provider gives, made at the first login. */
async function shadowUser(context: IdentityContext, provider: ProviderRecord, protocolId: string, { user }: Mapped): Promise<string> {
  const uniqueId = (user.id ?? user.name)!;
  const key = { provider_id: provider.id, protocol_id: protocolId, unique_id: uniqueId };
  const known = await federated.find<{ user_id: string; display_name: string | null }>(context.db, key);
  const name = user.name ?? user.id!;
  if (known !== undefined && known.display_name === name) return known.user_id;
  return context.write(async (trx) => {
    const id = known?.user_id ?? newId();
    // Another user of the domain may have the name already: then the provider's own id is one.
    const taken = (await findUserByName(trx, provider.domain_id, name)) !== undefined;
    const row = { name: taken ? uniqueId : name, extra: user.email === undefined ? {} : { email: user.email } };
    if (known === undefined) {
      await users.insert(trx, { id, domain_id: provider.domain_id, enabled: true, options: {}, ...row });
      await federated.insert(trx, { ...key, user_id: id, display_name: name });
    } else {
      await users.update(trx, { id }, row);
      await federated.update(trx, key, { display_name: name });
    }
    return id;
  });
}

/** Membership that lasts a while beyond the token, as the provider's `authorization_ttl` says. */
async function rememberGroups(context: IdentityContext, userId: string, groupIds: readonly string[], minutes: number): Promise<void> {
  const expires = new Date(context.clock.nowMs() + minutes * 60_000);
  await context.write(async (trx) => {
    for (const groupId of groupIds) {
      await members.insertOnce(trx, { group_id: groupId, user_id: userId, expires_at: expires });
      await members.update(trx, { group_id: groupId, user_id: userId }, { expires_at: expires });
    }
  });
}

async function provision(trx: Writer, provider: ProviderRecord, userId: string, wanted: Mapped['projects']): Promise<void> {
  const assignments = recordStore('identity_assignment');
  for (const { name, domain, roles: names } of wanted) {
    const domainId = await domainIdOf(trx, provider, domain);
    const where = { name, domain_id: domainId };
    const row = { id: newId(), ...where, parent_id: domainId, is_domain: false, enabled: true, description: '', options: {}, extra: {} };
    await projects.insertOnce(trx, row);
    const project = (await projects.find<ProjectRecord>(trx, where))!;
    for (const roleName of names) {
      const role = await roles.find<RoleRecord>(trx, { name: roleName, domain_id: null });
      if (role === undefined) throw unauthorized(`The mapping names a role that is not there: ${roleName}.`);
      const grant = { actor_kind: 'user', actor_id: userId, target_kind: 'project', target_id: project.id, inherited: false };
      await assignments.insertOnce(trx, { ...grant, role_id: role.id });
    }
  }
}
