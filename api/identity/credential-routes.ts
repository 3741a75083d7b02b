import { z } from 'zod';
import {
  createCredential,
  createEc2Credential,
  deleteCredential,
  hashAccessKey,
  mustFindCredential,
  readEc2Blob,
  updateCredential,
  type Delegation,
} from '../../identity/credential-service.ts';
import { readSealedCredentials, type CredentialRecord } from '../../identity/credential-record.ts';
import { badRequest, forbidden, IdentityError, unauthorized } from '../../identity/identity-error.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { authenticateSigned } from '../../identity/signed-request-service.ts';
import { mustFindUser } from '../../identity/user-record.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { change } from './shapes.ts';

/** Credentials of all types; EC2's own face of them; tokens for signed requests. */
const shape = z.looseObject({
  blob: z.string(),
  type: z.string().min(1).max(255),
  user_id: z.string(),
  project_id: z.string().nullable().optional(),
});

const view = (call: Call, { trust_id: _t, application_credential_id: _a, access_token_id: _o, extra, ...credential }: CredentialRecord) =>
  withLink(call, 'credentials', { ...extra, ...credential });

export function delegationOf(call: Call): Delegation {
  const payload = call.token?.payload;
  return {
    trustId: payload?.trustId,
    applicationCredentialId: payload?.applicationCredentialId,
    accessTokenId: payload?.accessTokenId,
  };
}

const isDelegated = (call: Call) => Object.values(delegationOf(call)).some((id) => id !== undefined);

/** A borrowed token reaches what is of its project only: not a user's second factor, not another project's keys. */
function refuseBeyondDelegation(call: Call, credential: { readonly project_id?: string | null | undefined }): void {
  if (isDelegated(call) && credential.project_id !== call.actor.projectId)
    throw forbidden('You are not authorized to perform the requested action: the credential is not of the project of the delegated token.');
}

function refuseRestricted(call: Call): void {
  const source = call.token?.subject.applicationCredential;
  if (source !== undefined && !source.unrestricted)
    throw forbidden(
      'You are not authorized to perform the requested action: using a restricted application credential for managing credentials.',
    );
}

/** @throws IdentityError 403 before 404: who may not look learns nothing. */
async function findFor(call: Call, rule: string): Promise<CredentialRecord> {
  const found = await mustFindCredential(call.identity, call.params['credential_id']!).catch((error: IdentityError) => error);
  call.require(rule, found instanceof IdentityError ? {} : { credential: found });
  if (found instanceof IdentityError) throw found;
  refuseBeyondDelegation(call, found);
  return found;
}

async function list(call: Call): Promise<Answer> {
  call.require('identity:list_credentials', call.actor.systemScope ? {} : { credential: { user_id: call.actor.userId } });
  const selection = readSelection(call.query, { user_id: 'text', type: 'text' });
  const found = (await readSealedCredentials(call.identity, {}, selection)).filter(
    (credential) =>
      call.allows('identity:get_credential', { credential }) && !(isDelegated(call) && credential.project_id !== call.actor.projectId),
  );
  return listAnswer(
    call,
    'credentials',
    found.map((credential) => view(call, credential)),
    selection,
  );
}

async function create(call: Call): Promise<Answer> {
  const given = call.peek('credential');
  call.require('identity:create_credential', { credential: { ...given, user_id: given['user_id'] ?? null } });
  const request = call.read('credential', shape);
  refuseBeyondDelegation(call, request);
  if (request.type.toLowerCase() === 'ec2') refuseRestricted(call);
  return created({ credential: view(call, await createCredential(call.identity, request, delegationOf(call))) });
}

async function update(call: Call): Promise<Answer> {
  const before = await findFor(call, 'identity:update_credential');
  const request = call.read('credential', change(shape.partial()));
  if (request['id'] !== undefined && request['id'] !== before.id) throw badRequest('Cannot change credential ID');
  // Nobody gives theirs to another.
  call.require('identity:update_credential', { credential: { ...before, ...request } });
  return ok({ credential: view(call, await updateCredential(call.identity, before, request)) });
}

function ec2View(call: Call, credential: CredentialRecord): object {
  const { access, secret, trust_id: trustId } = readEc2Blob(credential.blob);
  const self = `${call.base}/users/${credential.user_id}/credentials/OS-EC2/${access}`;
  return { user_id: credential.user_id, tenant_id: credential.project_id, access, secret, trust_id: trustId ?? null, links: { self } };
}

const EC2 = '/users/:user_id/credentials/OS-EC2';

async function listEc2(call: Call): Promise<Answer> {
  call.require('identity:ec2_list_credentials', { credential: { user_id: call.params['user_id'] } });
  await mustFindUser(call.identity.db, call.params['user_id']!);
  const found = await readSealedCredentials(call.identity, { user_id: call.params['user_id'], type: 'ec2' });
  const visible = found.filter((credential) => !isDelegated(call) || credential.project_id === call.actor.projectId);
  return listAnswer(
    call,
    'credentials',
    visible.map((credential) => ec2View(call, credential)),
  );
}

async function createEc2(call: Call): Promise<Answer> {
  const userId = call.params['user_id']!;
  call.require('identity:ec2_create_credential', { credential: { user_id: userId } });
  refuseRestricted(call);
  const { tenant_id: projectId } = z.looseObject({ tenant_id: z.string() }).parse(call.body ?? {});
  refuseBeyondDelegation(call, { project_id: projectId });
  return created({ credential: ec2View(call, await createEc2Credential(call.identity, userId, projectId, delegationOf(call))) });
}

async function findEc2(call: Call, rule: string): Promise<CredentialRecord> {
  const found = await mustFindCredential(call.identity, hashAccessKey(call.params['credential_id']!)).catch(
    (error: IdentityError) => error,
  );
  if (found instanceof IdentityError) {
    // As Keystone does: an access key that is not there is told as such, it is a secret by itself.
    void call.actor;
    throw found;
  }
  call.require(rule, { credential: found });
  await mustFindUser(call.identity.db, call.params['user_id']!);
  refuseBeyondDelegation(call, found);
  return found;
}

const signedShape = z.looseObject({
  access: z.string(),
  signature: z.string().optional(),
  host: z.string().optional(),
  verb: z.string().optional(),
  path: z.string().optional(),
  token: z.string().optional(),
  body_hash: z.string().optional(),
  params: z.record(z.string(), z.string()).optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

async function signed(call: Call, kind: 'ec2' | 's3'): Promise<Answer> {
  call.require(kind === 'ec2' ? 'identity:ec2tokens_validate' : 'identity:s3tokens_validate');
  const body = (call.body ?? {}) as Record<string, unknown>;
  if (Object.keys(body).length === 0) throw badRequest('request must include a request body');
  const given = (body['credentials'] ?? body['credential'] ?? body['ec2Credentials'] ?? {}) as Record<string, unknown>;
  if (given['access'] === undefined) throw unauthorized('EC2 Signature not supplied');
  const token = await authenticateSigned(call.identity, signedShape.parse(given) as never, kind);
  return ok(await token.body(true), kind === 'ec2' ? { 'x-subject-token': token.text } : {});
}

export const credentialRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/credentials', handle: list },
  { method: 'POST', path: '/credentials', handle: create },
  {
    method: 'GET',
    path: '/credentials/:credential_id',
    handle: async (call) => ok({ credential: view(call, await findFor(call, 'identity:get_credential')) }),
  },
  { method: 'PATCH', path: '/credentials/:credential_id', handle: update },
  {
    method: 'DELETE',
    path: '/credentials/:credential_id',
    handle: async (call) => {
      await deleteCredential(call.identity, (await findFor(call, 'identity:delete_credential')).id);
      return noContent;
    },
  },
  { method: 'GET', path: EC2, handle: listEc2 },
  { method: 'POST', path: EC2, handle: createEc2 },
  {
    method: 'GET',
    path: `${EC2}/:credential_id`,
    handle: async (call) => ok({ credential: ec2View(call, await findEc2(call, 'identity:ec2_get_credential')) }),
  },
  {
    method: 'DELETE',
    path: `${EC2}/:credential_id`,
    handle: async (call) => {
      await deleteCredential(call.identity, (await findEc2(call, 'identity:ec2_delete_credential')).id);
      return noContent;
    },
  },
  { method: 'POST', path: '/ec2tokens', handle: (call) => signed(call, 'ec2') },
  { method: 'POST', path: '/s3tokens', handle: (call) => signed(call, 's3') },
];
