import { join, resolve } from 'node:path';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { recoverUploads, type ImageData } from '../../images/image-data-service.ts';
import { sweepRenditions } from '../../images/image-rendition-service.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { localImageStore } from '../../images/local-image-store.ts';
import type { Configuration } from './configuration.ts';

/** Where bytes of images are kept; the first is the default. */
export function storesOf({ dataDirectory, images }: Configuration): readonly { id: string; directory: string }[] {
  if (images.stores.length === 0) return [{ id: 'local', directory: join(dataDirectory, 'images') }];
  return images.stores.map(({ id, directory }) => ({ id, directory: resolve(directory) }));
}

const nearDirectory = ({ dataDirectory }: Configuration): string => join(dataDirectory, 'images-near');

/** What the boot server gives to machines. */
export const imageDirectoriesOf = (configuration: Configuration): readonly string[] => [
  ...storesOf(configuration).map(({ directory }) => directory),
  nearDirectory(configuration),
];

/** The stores of this process's images, and what a process before it left half done taken back. */
export async function startImages(configuration: Configuration, database: Database, logger: Logger): Promise<ImageData> {
  const { dataDirectory } = configuration;
  const [first, ...others] = storesOf(configuration).map((one): ImageStore => localImageStore(one)) as [ImageStore, ...ImageStore[]];
  const data: ImageData = {
    db: database.db,
    logger,
    stores: {
      all: [first, ...others],
      stagingDirectory: join(dataDirectory, 'images-staging'),
      near: localImageStore({ id: 'near', directory: nearDirectory(configuration) }),
    },
  };
  await recoverUploads(data);
  return data;
}

/** What it removes waited for days. */
const SWEEP_MS = 3600_000;

export function startImageSweep(data: ImageData): { stop(): Promise<void> } {
  let current = Promise.resolve();
  const sweep = () => {
    current = sweepRenditions(data).catch((error: unknown) =>
      data.logger.warn({ err: error }, 'what was made of images could not be swept'),
    );
  };
  const timer = setInterval(sweep, SWEEP_MS);
  sweep();
  return {
    async stop() {
      clearInterval(timer);
      await current;
    },
  };
}
