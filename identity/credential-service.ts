import { createHash, randomBytes } from 'node:crypto';
import { mergeExtra } from './extra-policy.ts';
import { badRequest, conflict, notFound } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext } from './identity-context.ts';
import { credentials, readSealedCredentials, type CredentialRecord } from './credential-record.ts';
import { mustFindProject } from './project-record.ts';
import { onUnique } from './store/unique-violation.ts';
import { mustFindUser } from './user-record.ts';

/** Credentials: sealed at rest. An EC2 one is found by the hash of its access key, which is also its id. */
export interface CredentialRequest {
  readonly user_id?: string | undefined;
  readonly project_id?: string | null | undefined;
  readonly type?: string | undefined;
  readonly blob?: string | undefined;
  readonly [extra: string]: unknown;
}

/** Whose token made it: what is made from it later is no more than that. */
export interface Delegation {
  readonly trustId?: string | undefined;
  readonly applicationCredentialId?: string | undefined;
  readonly accessTokenId?: string | undefined;
}

const OWN = ['id', 'user_id', 'project_id', 'type', 'blob', 'links'];
/** In the blob of an EC2 credential; they can not be changed afterwards. */
const BOUND = ['trust_id', 'app_cred_id', 'access_token_id', 'access_id'];

export const hashAccessKey = (access: string) => createHash('sha256').update(access).digest('hex');

export async function mustFindCredential(context: IdentityContext, id: string): Promise<CredentialRecord> {
  const [found] = await readSealedCredentials(context, { id });
  if (found === undefined) throw notFound('credential', id);
  return found;
}

interface Ec2Blob {
  readonly access: string;
  readonly secret?: string;
  readonly trust_id?: string;
  readonly app_cred_id?: string;
  readonly access_token_id?: string;
  readonly [name: string]: unknown;
}

export function readEc2Blob(blob: string | undefined): Ec2Blob {
  let value: unknown;
  try {
    value = JSON.parse(blob ?? '');
  } catch {
    throw badRequest('Invalid blob in credential');
  }
  if (typeof value !== 'object' || value === null || typeof (value as Ec2Blob).access !== 'string')
    throw badRequest('Expecting to find access in the blob of an ec2 credential.');
  return value as Ec2Blob;
}

export async function createCredential(
  context: IdentityContext,
  request: CredentialRequest,
  delegation: Delegation = {},
): Promise<CredentialRecord> {
  const isEc2 = request.type?.toLowerCase() === 'ec2';
  if (isEc2 && request.project_id == null) throw badRequest('EC2 credentials require a project_id');
  const ec2 = isEc2 ? readEc2Blob(request.blob) : undefined;
  const bound = {
    ...(delegation.trustId === undefined ? {} : { trust_id: delegation.trustId }),
    ...(delegation.applicationCredentialId === undefined ? {} : { app_cred_id: delegation.applicationCredentialId }),
    ...(delegation.accessTokenId === undefined ? {} : { access_token_id: delegation.accessTokenId }),
  };
  const blob = ec2 === undefined || Object.keys(bound).length === 0 ? request.blob! : JSON.stringify({ ...ec2, ...bound });
  const id = ec2 === undefined ? newId() : hashAccessKey(ec2.access);
  return context.write(async (trx) => {
    const row = {
      id,
      user_id: request.user_id!,
      project_id: request.project_id ?? null,
      type: request.type!,
      sealed_blob: context.sealer.seal(blob),
      access_hash: ec2 === undefined ? null : id,
      trust_id: delegation.trustId ?? null,
      application_credential_id: delegation.applicationCredentialId ?? null,
      access_token_id: delegation.accessTokenId ?? null,
      extra: mergeExtra({}, request, OWN),
    };
    await onUnique(credentials.insert(trx, row), () => conflict('credential', `Duplicate entry at ${id}`));
    return mustFindCredential({ ...context, db: trx }, id);
  });
}

export async function updateCredential(
  context: IdentityContext,
  before: CredentialRecord,
  request: CredentialRequest,
): Promise<CredentialRecord> {
  if (before.type.toLowerCase() === 'ec2' && request.blob !== undefined) refuseRebinding(before.blob, request.blob);
  return context.write(async (trx) => {
    const change = {
      user_id: request.user_id,
      project_id: request.project_id,
      type: request.type,
      sealed_blob: request.blob === undefined ? undefined : context.sealer.seal(request.blob),
      extra: mergeExtra(before.extra, request, OWN),
    };
    await credentials.update(trx, { id: before.id }, change);
    return mustFindCredential({ ...context, db: trx }, before.id);
  });
}

function refuseRebinding(before: string, after: string): void {
  const [old, fresh] = [readEc2Blob(before), readEc2Blob(after)];
  const changed = BOUND.find((name) => old[name] !== fresh[name]);
  if (changed !== undefined) throw badRequest(`${changed} can not be updated for credential`);
}

export async function deleteCredential(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    if ((await credentials.remove(trx, { id })) === 0) throw notFound('credential', id);
  });
}

/** A fresh access and secret key. */
export async function createEc2Credential(
  context: IdentityContext,
  userId: string,
  projectId: string,
  delegation: Delegation,
): Promise<CredentialRecord> {
  await mustFindUser(context.db, userId);
  await mustFindProject(context.db, projectId);
  const blob = JSON.stringify({ access: newId(), secret: randomBytes(16).toString('hex'), trust_id: delegation.trustId ?? null });
  return createCredential(context, { user_id: userId, project_id: projectId, type: 'ec2', blob }, delegation);
}
