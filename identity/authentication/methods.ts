import { timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import { applicationCredentials, findApplicationCredential } from '../application-credential-record.ts';
import { readSealedCredentials } from '../credential-record.ts';
import { badRequest, forbidden, unauthorized } from '../identity-error.ts';
import type { IdentityContext } from '../identity-context.ts';
import { verifyPassword } from '../password-hash.ts';
import { verifyUserPassword } from '../password-service.ts';
import { checkToken } from '../token-service.ts';
import { activeUser } from '../token/subject.ts';
import { authenticateInDirectory } from '../directory-service.ts';
import type { Proof } from './proof.ts';
import { applicationCredentialBody, passwordBody, tokenBody, totpBody } from './request.ts';
import { acceptedPasscodes, decodeBase32 } from './totp-codec.ts';
import { findUserBy } from './user-reference.ts';

/** The methods of `POST /v3/auth/tokens`: each proves one user, or ends in 401. */
export type Method = (context: IdentityContext, body: unknown) => Promise<Proof>;

function read<Shape extends z.ZodType>(shape: Shape, method: string, body: unknown): z.infer<Shape> {
  const result = shape.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw badRequest(`Invalid input for field 'identity/${[method, ...issue.path].join('/')}': ${issue.message}.`);
}

async function password(context: IdentityContext, body: unknown): Promise<Proof> {
  const { user: reference } = read(passwordBody, 'password', body);
  requireName(reference);
  const directory = await authenticateInDirectory(context, reference, reference.password);
  if (directory !== undefined) return { userId: directory.id, methods: ['password'] };
  const user = await findUserBy(context.db, reference);
  await verifyUserPassword(context, user, reference.password);
  await activeUser(context, user!.id);
  return { userId: user!.id, methods: ['password'] };
}

function requireName(reference: { readonly id?: string | undefined; readonly name?: string | undefined; readonly domain?: unknown }): void {
  if (reference.id !== undefined) return;
  if (reference.name === undefined) throw badRequest('Expecting to find id or name in user.');
  if (reference.domain === undefined) throw badRequest('Expecting to find domain in user.');
}

async function token(context: IdentityContext, body: unknown): Promise<Proof> {
  const { id } = read(tokenBody, 'token', body);
  // One that is dead is not found, also here: Keystone's clients tell it from a wrong password by that.
  const found = await checkToken(context, id);
  const { payload, subject } = found;
  // A delegation must not breed tokens that outlive it or leave its project.
  if (payload.trustId !== undefined || payload.accessTokenId !== undefined || payload.applicationCredentialId !== undefined)
    throw forbidden('You are not authorized to perform the requested action: using a delegated token to create another token.');
  return {
    userId: subject.user.id,
    methods: [...new Set([...payload.methods, 'token'])],
    expiresAtMs: payload.expiresAtMs,
    auditChainId: payload.auditIds.at(-1)!,
    ...(payload.federated === undefined ? {} : { federated: payload.federated }),
  };
}

async function applicationCredential(context: IdentityContext, body: unknown): Promise<Proof> {
  const given = read(applicationCredentialBody, 'application_credential', body);
  const where = await credentialKey(context, given);
  const stored = await applicationCredentials.find<{ id: string; secret_hash: string }>(context.db, where);
  if (stored === undefined || !(await verifyPassword(given.secret, stored.secret_hash))) throw unauthorized();
  const credential = (await findApplicationCredential(context.db, { id: stored.id }))!;
  const expires = credential.expires_at?.getTime();
  if (expires !== undefined && expires <= context.clock.nowMs()) throw unauthorized();
  await activeUser(context, credential.user_id);
  return {
    userId: credential.user_id,
    methods: ['application_credential'],
    applicationCredentialId: credential.id,
    projectId: credential.project_id,
    ...(expires === undefined ? {} : { expiresAtMs: expires }),
  };
}

async function credentialKey(context: IdentityContext, given: z.infer<typeof applicationCredentialBody>): Promise<Record<string, string>> {
  if (given.id !== undefined) return { id: given.id };
  if (given.name === undefined || given.user === undefined)
    throw badRequest('Expecting to find id, or name and user, in application_credential.');
  requireName(given.user);
  const user = await findUserBy(context.db, given.user);
  return { name: given.name, user_id: user?.id ?? '' };
}

async function totp(context: IdentityContext, body: unknown): Promise<Proof> {
  const { user: reference } = read(totpBody, 'totp', body);
  requireName(reference);
  const user = await findUserBy(context.db, reference);
  const secrets = user === undefined ? [] : await readSealedCredentials(context, { user_id: user.id, type: 'totp' });
  const given = Buffer.from(reference.passcode);
  const accepted = secrets
    .flatMap(({ blob }) => decodeBase32(blob) ?? [])
    .flatMap((secret) => acceptedPasscodes(secret, context.clock.nowMs()));
  const matches = accepted.filter((code) => given.length === code.length && timingSafeEqual(given, Buffer.from(code)));
  if (user === undefined || matches.length === 0) throw unauthorized();
  await activeUser(context, user.id);
  return { userId: user.id, methods: ['totp'] };
}

export const METHODS_BY_NAME: Readonly<Record<string, Method>> = {
  password,
  token,
  totp,
  application_credential: applicationCredential,
};
