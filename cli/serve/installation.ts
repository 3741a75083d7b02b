import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSealer, SEAL_KEY_BYTES, type Sealer } from '../../core/base/sealer-codec.ts';
import { createTlsIdentity, type TlsIdentity } from '../../core/base/tls-identity.ts';
import type { Database } from '../../core/database/connect-database.ts';

/*
 * What an installation is besides its tables: the key that seals secrets (a file, or RACKWRIGHT_SECRET_KEY; never in the
 * database) and the sealed settings that all its processes share. Made at the first start, the same ever after.
 */
export interface Installation {
  readonly sealer: Sealer;
  readonly administrator: { readonly username: string; readonly password: string };
  readonly bootSecret: Buffer;
  readonly agentTls: TlsIdentity;
  /** Signs the certificates of BMCs where the configuration names no other authority. */
  readonly bmcAuthority: TlsIdentity;
}

const KEY_FILE = 'secret.key';

/** Reads the key file, makes it when there is none. Mode 0600. */
export async function loadSecretKey(dataDirectory: string, given: string | undefined): Promise<Buffer> {
  if (given !== undefined) return Buffer.from(given, 'hex');
  await mkdir(dataDirectory, { recursive: true });
  const path = join(dataDirectory, KEY_FILE);
  await writeFile(path, `${randomBytes(SEAL_KEY_BYTES).toString('hex')}\n`, { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return Buffer.from((await readFile(path, 'utf8')).trim(), 'hex');
}

export async function loadInstallation(database: Database, key: Buffer): Promise<Installation> {
  const sealer = createSealer(key);
  const setting = (name: string, make: () => string) => loadSetting(database, sealer, name, make);
  const password = await setting('administrator_password', () => randomBytes(18).toString('base64url'));
  const bootSecret = await setting('boot_secret', () => randomBytes(32).toString('base64'));
  const agentTls = await setting('agent_tls', () => JSON.stringify(createTlsIdentity('rackwright-agents', Date.now())));
  const bmcAuthority = await setting('bmc_authority', () => JSON.stringify(createTlsIdentity('rackwright-bmcs', Date.now())));
  return {
    sealer,
    administrator: { username: 'admin', password },
    bootSecret: Buffer.from(bootSecret, 'base64'),
    agentTls: JSON.parse(agentTls) as TlsIdentity,
    bmcAuthority: JSON.parse(bmcAuthority) as TlsIdentity,
  };
}

/** The first process to write wins; all others read what it wrote. */
async function loadSetting(database: Database, sealer: Sealer, name: string, make: () => string): Promise<string> {
  const read = () => database.db.selectFrom('setting').select('sealed').where('name', '=', name).executeTakeFirst();
  let row = await read();
  if (row === undefined) {
    await database.db
      .insertInto('setting')
      .values({ name, sealed: sealer.seal(make()) })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    row = await read();
  }
  return sealer.open(row!.sealed);
}
