import { randomBytes } from 'node:crypto';
import { isMalformed } from '../../core/base/malformed.ts';
import { unauthorized, IdentityError } from '../identity-error.ts';
import type { IdentityContext } from '../identity-context.ts';
import { findDomain } from '../project-record.ts';
import { readTokenKeys } from '../token-key-service.ts';
import { openFernet, sealFernet } from '../token/fernet-codec.ts';
import { packMessage, unpackMessage } from '../token/msgpack-codec.ts';
import { isoTime } from '../iso-time.ts';
import { findUser } from '../user-record.ts';
import type { Proof } from './proof.ts';

/*
 * Users who must show more than one thing: their options hold lists of methods of which one must be complete. Whoever
 * shows too little gets a receipt for it, to come back with the rest.
 */
const RECEIPT_MARK = 'receipt';
const RECEIPT_HEADER = 'openstack-auth-receipt';

/** A 401 that says what is still missing. */
export class MoreMethodsNeeded extends IdentityError {
  readonly body: object;
  constructor(receipt: string, body: object) {
    super(401, 'Additional authentications steps required.', { [RECEIPT_HEADER]: receipt });
    this.body = body;
  }
}

function rulesOf(options: Record<string, unknown>): string[][] {
  if (options['multi_factor_auth_enabled'] === false) return [];
  const rules = options['multi_factor_auth_rules'];
  return Array.isArray(rules) ? (rules as string[][]).filter((rule) => Array.isArray(rule) && rule.length > 0) : [];
}

/** A token or credential was made by someone who had shown enough. @throws MoreMethodsNeeded */
export async function requireEnoughMethods(context: IdentityContext, proof: Proof): Promise<void> {
  if (proof.methods.includes('token') || proof.methods.includes('application_credential')) return;
  const user = await findUser(context.db, proof.userId);
  const rules = rulesOf((user?.options ?? {}) as Record<string, unknown>);
  if (rules.length === 0 || rules.some((rule) => rule.every((method) => proof.methods.includes(method)))) return;
  const issued = context.clock.nowMs();
  const expires = issued + context.settings.receipt_expiration_seconds * 1000;
  const keys = await readTokenKeys(context);
  const message = packMessage([RECEIPT_MARK, proof.userId, [...proof.methods], Math.floor(expires / 1000)]);
  const receipt = sealFernet(keys.signing, { seconds: Math.floor(issued / 1000), message }, randomBytes(16));
  const domain = await findDomain(context.db, user!.domain_id);
  throw new MoreMethodsNeeded(receipt, {
    receipt: {
      methods: proof.methods,
      user: { id: user!.id, name: user!.name, domain: { id: domain?.id, name: domain?.name } },
      expires_at: isoTime(expires),
      issued_at: isoTime(issued),
    },
    required_auth_methods: rules,
  });
}

/** @throws IdentityError 401 when it is not one of ours, or too old. */
export async function readReceipt(context: IdentityContext, text: string): Promise<Proof> {
  const content = openFernet((await readTokenKeys(context)).opening, text);
  const items = isMalformed(content) ? content : unpackMessage(content.message);
  if (isMalformed(items) || !Array.isArray(items)) throw unauthorized('Could not find auth receipt.');
  const [mark, userId, methods, expires] = items;
  if (mark !== RECEIPT_MARK || Number(expires) * 1000 <= context.clock.nowMs()) throw unauthorized('Could not find auth receipt.');
  return { userId: String(userId), methods: (methods as string[]).map(String) };
}
