import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { IdentityContext, Writer } from './identity-context.ts';
import { FERNET_KEY_BYTES } from './token/fernet-codec.ts';

/*
 * The keys that sign tokens, sealed in the database so that all processes share them. The newest is staged: known
 * everywhere before it signs; the one before it signs; older ones still open tokens until they are too many.
 */
export interface TokenKeys {
  readonly signing: Buffer;
  /** The signing key first: it opens nearly all. */
  readonly opening: readonly Buffer[];
  readonly rotateAtMs: number;
}

interface KeyRow {
  readonly number: number;
  readonly sealed: string;
  readonly created_at: Date;
}

const readRows = async (context: IdentityContext) =>
  (await sql<KeyRow>`select number, sealed, created_at from identity_token_key order by number desc`.execute(context.db)).rows;

export async function readTokenKeys(context: IdentityContext): Promise<TokenKeys> {
  let rows = await readRows(context);
  if (rows.length < 2) {
    await context.write((trx) => addKeys(context, trx, 2 - rows.length));
    rows = await readRows(context);
  }
  const keys = rows.map((row) => Buffer.from(context.sealer.open(row.sealed), 'base64'));
  const [staged, signing, ...older] = keys;
  const rotateAtMs = rows[0]!.created_at.getTime() + context.settings.token_key_rotation_seconds * 1000;
  return { signing: signing!, opening: [signing!, staged!, ...older], rotateAtMs };
}

async function addKeys(context: IdentityContext, trx: Writer, count: number): Promise<void> {
  await sql`lock table identity_token_key in share row exclusive mode`.execute(trx);
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from identity_token_key`.execute(trx);
  for (let made = rows[0]!.count; made < 2 && count > 0; made += 1) await addKey(context, trx);
}

async function addKey(context: IdentityContext, trx: Writer): Promise<void> {
  const sealed = context.sealer.seal(randomBytes(FERNET_KEY_BYTES).toString('base64'));
  await sql`insert into identity_token_key (sealed, created_at) values (${sealed}, ${new Date(context.clock.nowMs())})`.execute(trx);
}

/** The staged key becomes the signing one; a new one is staged; the oldest beyond the limit goes. */
export async function rotateTokenKeys(context: IdentityContext): Promise<void> {
  await context.write(async (trx) => {
    await sql`lock table identity_token_key in share row exclusive mode`.execute(trx);
    await addKey(context, trx);
    await sql`
      delete from identity_token_key where number not in
        (select number from identity_token_key order by number desc limit ${context.settings.token_keys_max})`.execute(trx);
  });
}

/** Rotates when it is time, in one of the processes: the others see a newer key and leave it. */
export async function rotateTokenKeysWhenDue(context: IdentityContext): Promise<boolean> {
  if ((await readTokenKeys(context)).rotateAtMs > context.clock.nowMs()) return false;
  await rotateTokenKeys(context);
  return true;
}
