import { z } from 'zod';
import { badRequest } from '../../identity/identity-error.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { mustFindRole, readRoleTree, roles, type RoleRecord } from '../../identity/role-record.ts';
import {
  createImplication,
  createRole,
  deleteImplication,
  deleteRole,
  impliedRoles,
  mustImply,
  updateRole,
} from '../../identity/role-service.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { roleView } from './role-view.ts';
import { change, id, immutableOptions, nullableDescription, text } from './shapes.ts';

const shape = z.looseObject({
  name: text(255),
  domain_id: id.nullable().optional(),
  description: nullableDescription.optional(),
  options: immutableOptions.optional(),
});

const view = (call: Call, role: RoleRecord) => ({ role: withLink(call, 'roles', roleView(role)) });

/** Roles of a domain have rules of their own. */
const ruleFor = (verb: string, domainId: unknown) => `identity:${verb}_${domainId == null ? '' : 'domain_'}role`;

/** One that is not there is not found for everyone, as in Keystone. */
async function requireFor(call: Call, verb: string): Promise<void> {
  const role = await mustFindRole(call.identity.db, call.params['role_id']!);
  call.require(ruleFor(verb, role.domain_id), { role });
}

async function list(call: Call): Promise<Answer> {
  const domainId = call.query['domain_id'];
  call.require(domainId === undefined ? 'identity:list_roles' : 'identity:list_domain_roles');
  const selection = readSelection(call.query, { name: 'text', domain_id: 'text' });
  const found = await roles.list<RoleRecord>(call.identity.db, domainId === undefined ? { domain_id: null } : {}, selection);
  return listAnswer(
    call,
    'roles',
    found.map((role) => withLink(call, 'roles', roleView(role))),
    selection,
  );
}

async function create(call: Call): Promise<Answer> {
  call.require(ruleFor('create', call.peek('role')['domain_id']));
  return created(view(call, await createRole(call.identity, call.read('role', shape))));
}

async function update(call: Call): Promise<Answer> {
  await requireFor(call, 'update');
  const { id: roleId } = await mustFindRole(call.identity.db, call.params['role_id']!);
  const request = call.read('role', change(shape.partial()));
  if (request['id'] !== undefined && request['id'] !== roleId) throw badRequest('Cannot change role ID');
  return ok(view(call, await updateRole(call.identity, roleId, request)));
}

const brief = (call: Call, { id: roleId, name }: RoleRecord) => ({ id: roleId, name, links: { self: `${call.base}/roles/${roleId}` } });

async function listImplied(call: Call): Promise<Answer> {
  call.require('identity:list_implied_roles');
  const prior = await mustFindRole(call.identity.db, call.params['prior_role_id']!);
  const implies = (await impliedRoles(call.identity.db, prior.id)).map((role) => brief(call, role));
  return ok({ role_inference: { prior_role: brief(call, prior), implies }, links: { self: `${call.base}/roles/${prior.id}/implies` } });
}

async function inferenceView(call: Call): Promise<object> {
  const { prior_role_id: priorId, implied_role_id: impliedId } = call.params;
  const [prior, implied] = [await mustFindRole(call.identity.db, priorId!), await mustFindRole(call.identity.db, impliedId!)];
  const self = `${call.base}/roles/${prior.id}/implies/${implied.id}`;
  return { role_inference: { prior_role: brief(call, prior), implies: brief(call, implied) }, links: { self } };
}

async function listInferences(call: Call): Promise<Answer> {
  call.require('identity:list_role_inference_rules');
  const tree = await readRoleTree(call.identity.db);
  const rules = [...tree.implied].map(([priorId, ids]) => ({
    prior_role: brief(call, tree.byId.get(priorId)!),
    implies: ids.map((roleId) => brief(call, tree.byId.get(roleId)!)),
  }));
  return ok({ role_inferences: rules, links: { self: `${call.base}/role_inferences` } });
}

const IMPLIED = '/roles/:prior_role_id/implies/:implied_role_id';

const implication = (
  method: IdentityRoute['method'],
  rule: string,
  work: (call: Call, prior: string, implied: string) => Promise<Answer>,
): IdentityRoute => ({
  method,
  path: IMPLIED,
  handle: async (call) => {
    call.require(rule);
    return work(call, call.params['prior_role_id']!, call.params['implied_role_id']!);
  },
});

export const roleRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/roles', handle: list },
  { method: 'POST', path: '/roles', handle: create },
  {
    method: 'GET',
    path: '/roles/:role_id',
    handle: async (call) => {
      await requireFor(call, 'get');
      return ok(view(call, await mustFindRole(call.identity.db, call.params['role_id']!)));
    },
  },
  { method: 'PATCH', path: '/roles/:role_id', handle: update },
  {
    method: 'DELETE',
    path: '/roles/:role_id',
    handle: async (call) => {
      await requireFor(call, 'delete');
      await deleteRole(call.identity, call.params['role_id']!);
      return noContent;
    },
  },
  { method: 'GET', path: '/roles/:prior_role_id/implies', handle: listImplied },
  implication('PUT', 'identity:create_implied_role', async (call, prior, implied) => {
    await createImplication(call.identity, prior, implied);
    return created(await inferenceView(call));
  }),
  implication('GET', 'identity:get_implied_role', async (call, prior, implied) => {
    await mustImply(call.identity.db, prior, implied);
    return ok(await inferenceView(call));
  }),
  implication('HEAD', 'identity:check_implied_role', async (call, prior, implied) => {
    await mustImply(call.identity.db, prior, implied);
    return noContent;
  }),
  implication('DELETE', 'identity:delete_implied_role', async (call, prior, implied) => {
    await deleteImplication(call.identity, prior, implied);
    return noContent;
  }),
  { method: 'GET', path: '/role_inferences', handle: listInferences },
];
