import { join, resolve } from 'node:path';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { recoverUploads, type ImageData } from '../../images/image-data-service.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { localImageStore } from '../../images/local-image-store.ts';
import type { Configuration } from './configuration.ts';

/** Where bytes of images are kept; the first is the default. */
export function storesOf({ dataDirectory, images }: Configuration): readonly { id: string; directory: string }[] {
  if (images.stores.length === 0) return [{ id: 'local', directory: join(dataDirectory, 'images') }];
  return images.stores.map(({ id, directory }) => ({ id, directory: resolve(directory) }));
}

/** The stores of this process's images, and what a process before it left half done taken back. */
export async function startImages(configuration: Configuration, database: Database, logger: Logger): Promise<ImageData> {
  const { dataDirectory } = configuration;
  const [first, ...others] = storesOf(configuration).map(localImageStore) as [ImageStore, ...ImageStore[]];
  const data: ImageData = {
    db: database.db,
    logger,
    stores: { all: [first, ...others], stagingDirectory: join(dataDirectory, 'images-staging') },
  };
  await recoverUploads(data);
  return data;
}
