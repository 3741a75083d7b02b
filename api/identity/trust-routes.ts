import { z } from 'zod';
import { forbidden, notFound } from '../../identity/identity-error.ts';
import { readRoleTree } from '../../identity/role-record.ts';
import { createTrust, deleteTrust, listTrusts, mustFindTrust } from '../../identity/trust-service.ts';
import { isTrustOver, type TrustRecord } from '../../identity/trust-record.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { expiryOf, roleIdsOf, roleList } from './role-reference.ts';
import { roleView } from './role-view.ts';

/** OS-TRUST. */
const PATH = '/OS-TRUST/trusts';
const shape = z.looseObject({
  trustor_user_id: z.string(),
  trustee_user_id: z.string(),
  impersonation: z.boolean(),
  project_id: z.string().nullable().optional(),
  expires_at: z.string().nullable().optional(),
  remaining_uses: z.number().int().min(1).nullable().optional(),
  allow_redelegation: z.boolean().nullable().optional(),
  redelegation_count: z.number().int().min(0).nullable().optional(),
  roles: roleList.optional(),
});

const plain = (trust: TrustRecord) => ({
  id: trust.id,
  trustor_user_id: trust.trustor_user_id,
  trustee_user_id: trust.trustee_user_id,
  project_id: trust.project_id,
  impersonation: trust.impersonation,
  expires_at: trust.expires_text,
  remaining_uses: trust.remaining_uses,
  redelegated_trust_id: trust.redelegated_trust_id,
  redelegation_count: trust.redelegation_count,
  deleted_at: null,
});

async function rolesOf(call: Call, trust: TrustRecord): Promise<object[]> {
  const { byId } = await readRoleTree(call.identity.db);
  return trust.role_ids.flatMap((id) => byId.get(id) ?? []).map((role) => withLink(call, 'roles', roleView(role)));
}

async function view(call: Call, trust: TrustRecord): Promise<object> {
  const links = { self: `${call.base}${PATH}/${trust.id}/roles`, next: null, previous: null };
  return { trust: withLink(call, 'OS-TRUST/trusts', plain(trust), { roles: await rolesOf(call, trust), roles_links: links }) };
}

/** One that is used up or over is not there. */
async function findFor(call: Call, rule: string): Promise<TrustRecord> {
  void call.actor;
  const trust = await mustFindTrust(call.identity.db, call.params['trust_id']!);
  if (isTrustOver(trust, call.identity.clock.nowMs())) throw notFound('trust', trust.id);
  call.require(rule, { trust });
  refuseRestricted(call);
  return trust;
}

function refuseRestricted(call: Call): void {
  const source = call.token?.subject.applicationCredential;
  if (source !== undefined && !source.unrestricted)
    throw forbidden(
      "You are not authorized to perform the requested action: Using method 'application_credential' is not allowed for managing trusts.",
    );
}

async function list(call: Call): Promise<Answer> {
  const { trustor_user_id: trustor, trustee_user_id: trustee } = call.query;
  if (trustor !== undefined) call.require('identity:list_trusts_for_trustor', { trust: { trustor_user_id: trustor } });
  else if (trustee !== undefined) call.require('identity:list_trusts_for_trustee', { trust: { trustee_user_id: trustee } });
  else call.require('identity:list_trusts');
  refuseRestricted(call);
  const where = {
    ...(trustor === undefined ? {} : { trustor_user_id: trustor }),
    ...(trustee === undefined ? {} : { trustee_user_id: trustee }),
  };
  const trusts = await listTrusts(call.identity.db, where);
  return listAnswer(
    call,
    'trusts',
    trusts.map((trust) => withLink(call, 'OS-TRUST/trusts', plain(trust))),
  );
}

async function create(call: Call): Promise<Answer> {
  call.require('identity:create_trust', { trust: call.peek('trust') });
  const { roles, expires_at: expires, ...request } = call.read('trust', shape);
  refuseRestricted(call);
  if (call.actor.userId !== request.trustor_user_id)
    throw forbidden('You are not authorized to perform the requested action: The authenticated user should match the trustor');
  const payload = call.token?.payload;
  if (payload?.accessTokenId !== undefined) throw forbidden('Redelegation allowed for delegated by trust only');
  const { trustor_user_id, trustee_user_id, impersonation, project_id, remaining_uses, allow_redelegation, redelegation_count } = request;
  const own = { trustor_user_id, trustee_user_id, impersonation, project_id, remaining_uses, allow_redelegation, redelegation_count };
  const trust = await createTrust(
    call.identity,
    { ...own, roleIds: await roleIdsOf(call.identity.db, roles ?? []), expiresAt: expiryOf(expires), extra: {} },
    payload?.trustId,
  );
  return created(await view(call, trust));
}

async function oneRole(call: Call): Promise<Answer> {
  const trust = await findFor(call, 'identity:get_role_for_trust');
  const roleId = call.params['role_id']!;
  const { byId } = await readRoleTree(call.identity.db);
  const role = trust.role_ids.includes(roleId) ? byId.get(roleId) : undefined;
  if (role === undefined) throw notFound('role', roleId);
  return ok({ role: withLink(call, 'roles', roleView(role)) });
}

export const trustRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: PATH, handle: list },
  { method: 'POST', path: PATH, handle: create },
  { method: 'GET', path: `${PATH}/:trust_id`, handle: async (call) => ok(await view(call, await findFor(call, 'identity:get_trust'))) },
  {
    method: 'DELETE',
    path: `${PATH}/:trust_id`,
    handle: async (call) => {
      void call.actor;
      const trust = await mustFindTrust(call.identity.db, call.params['trust_id']!);
      call.require('identity:delete_trust', { trust });
      refuseRestricted(call);
      await deleteTrust(call.identity, trust.id);
      return noContent;
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:trust_id/roles`,
    handle: async (call) => listAnswer(call, 'roles', await rolesOf(call, await findFor(call, 'identity:list_roles_for_trust'))),
  },
  { method: 'GET', path: `${PATH}/:trust_id/roles/:role_id`, handle: oneRole },
];
