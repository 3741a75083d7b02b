import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { ObjectStorage } from '../../storage/object-storage.ts';
import { presenceOf, removeLeftovers, startObjectSweep } from '../../storage/object-sweep.ts';
import type { Configuration } from './configuration.ts';

/** Object storage in this process: its directory, its name among the others, and the sweep. */
export async function startObjects(
  { dataDirectory, objects }: Configuration,
  database: Database,
  logger: Logger,
  stops: (() => Promise<void>)[],
): Promise<ObjectStorage> {
  const directory = objects.directory === undefined ? join(dataDirectory, 'objects') : resolve(objects.directory);
  await mkdir(directory, { recursive: true });
  const owner = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  const forgetPresence = await database.bePresent(presenceOf(owner));
  stops.push(async () => forgetPresence());
  const sweep = startObjectSweep(() => storage);
  const storage: ObjectStorage = { db: database.db, directory, owner, logger, wake: sweep.wake };
  stops.push(() => sweep.stop());
  await removeLeftovers(storage);
  sweep.wake();
  return storage;
}
