import { createPublicKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { sql, type Selectable } from 'kysely';
import type { KeypairTable } from '../core/database/compute-tables.ts';
import { badRequest, conflict, forbidden, notFound } from './compute-error.ts';
import type { Db } from './placement-provider-service.ts';
import { certificateFingerprint, encodeRsaKey, sshFingerprint } from './ssh-key-codec.ts';

/** Public keys of users, by name. A private key that we make is given out once and kept nowhere. */
export type Keypair = Selectable<KeypairTable>;
export type KeypairType = 'ssh' | 'x509';

/** NIST SP 800-57: good beyond 2030. */
const RSA_BITS = 3072;

const noKeypair = (name: string, user: string) => notFound(`Keypair ${name} not found for user ${user}`);
const fingerprintOf = { ssh: sshFingerprint, x509: certificateFingerprint };

interface KeypairDraft {
  readonly userId: string;
  readonly name: string;
  readonly type: KeypairType;
  /** Undefined: one is made. */
  readonly publicKey: string | undefined;
  readonly most: number;
}

/** @throws ComputeError 400, 403 over quota, 409 */
export async function createKeypair(db: Db, draft: KeypairDraft): Promise<{ readonly keypair: Keypair; readonly privateKey?: string }> {
  const { userId, name, type } = draft;
  const made = draft.publicKey === undefined ? await makeKey(type) : undefined;
  const publicKey = made?.publicKey ?? draft.publicKey!;
  const fingerprint = fingerprintOf[type](publicKey);
  if (fingerprint === undefined) throw badRequest('Keypair data is invalid: failed to generate fingerprint');
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`keypairs of ${userId}`}, 0))`.execute(trx);
    const there = await trx.selectFrom('keypair').select('name').where('user_id', '=', userId).execute();
    if (there.some((one) => one.name === name)) throw conflict(`Key pair '${name}' already exists.`);
    if (draft.most >= 0 && there.length >= draft.most) throw forbidden('Quota exceeded, too many key pairs.');
    const keypair = await trx
      .insertInto('keypair')
      .values({ user_id: userId, name, type, public_key: publicKey, fingerprint })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { keypair, ...(made === undefined ? {} : { privateKey: made.privateKey }) };
  });
}

async function makeKey(type: KeypairType): Promise<{ publicKey: string; privateKey: string }> {
  if (type === 'x509') throw badRequest('Certificates are not made here: give one as public_key, or ask for a key pair of the type ssh.');
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  return {
    publicKey: encodeRsaKey(createPublicKey(privateKey), 'Generated-by-Rackwright'),
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  };
}

export async function readKeypair(db: Db, userId: string, name: string): Promise<Keypair> {
  const row = await db.selectFrom('keypair').selectAll().where('user_id', '=', userId).where('name', '=', name).executeTakeFirst();
  if (row === undefined) throw noKeypair(name, userId);
  return row;
}

/** By name. @throws ComputeError 400 for a marker that is not there */
export async function listKeypairs(db: Db, userId: string, page: { limit: number; marker: string | undefined }): Promise<Keypair[]> {
  if (page.marker !== undefined) {
    const known = await db
      .selectFrom('keypair')
      .select('name')
      .where('user_id', '=', userId)
      .where('name', '=', page.marker)
      .executeTakeFirst();
    if (known === undefined) throw badRequest(`Marker ${page.marker} could not be found.`);
  }
  return db
    .selectFrom('keypair')
    .selectAll()
    .where('user_id', '=', userId)
    .where('name', '>', page.marker ?? '')
    .orderBy('name')
    .limit(page.limit)
    .execute();
}

export async function deleteKeypair(db: Db, userId: string, name: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('keypair')
    .where('user_id', '=', userId)
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  if (numDeletedRows === 0n) throw noKeypair(name, userId);
}

export const countKeypairs = async (db: Db, userId: string): Promise<number> =>
  Number(
    (
      await db
        .selectFrom('keypair')
        .select(sql<number>`count(*)`.as('count'))
        .where('user_id', '=', userId)
        .executeTakeFirstOrThrow()
    ).count,
  );
