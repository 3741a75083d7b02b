import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { sweepBlobs } from '../../images/image-blob-service.ts';
import { fillCache } from '../../images/image-cache-service.ts';
import type { WebSource } from '../../core/transfer/web-source.ts';
import { recoverUploads, type ImageData } from '../../images/image-data-service.ts';
import { sweepRenditions } from '../../images/image-rendition-service.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { localImageStore } from '../../images/local-image-store.ts';
import { decodePropertyProtections, type PropertyProtections } from '../../images/property-protection-codec.ts';
import { s3ImageStore } from '../../images/s3-image-store.ts';
import type { Configuration } from './configuration.ts';

type StoreSettings = Configuration['images']['stores'][number];

/** Where bytes of images are kept; the first is the default. */
function storesOf({ dataDirectory, images }: Configuration): readonly StoreSettings[] {
  return images.stores.length === 0 ? [{ id: 'local', directory: join(dataDirectory, 'images') }] : images.stores;
}

function openStore(settings: StoreSettings): ImageStore {
  if ('directory' in settings) return localImageStore({ id: settings.id, directory: resolve(settings.directory) });
  const { endpoint, bucket, prefix, region, credentials_file: credentialsFile, ca_file: caFile } = settings.s3;
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') };
  return s3ImageStore({ id: settings.id, endpoint, bucket, prefix, region, credentialsFile, ...ca });
}

const nearDirectory = ({ dataDirectory }: Configuration): string => join(dataDirectory, 'images-near');

/** What the boot server gives to machines. */
export const imageDirectoriesOf = (configuration: Configuration): readonly string[] => [
  ...storesOf(configuration).flatMap((store) => ('directory' in store ? [resolve(store.directory)] : [])),
  nearDirectory(configuration),
];

/** The stores of this process's images, and what a process before it left half done taken back. */
export async function startImages(configuration: Configuration, database: Database, web: WebSource, logger: Logger): Promise<ImageData> {
  const { dataDirectory } = configuration;
  const [first, ...others] = storesOf(configuration).map(openStore) as [ImageStore, ...ImageStore[]];
  const protections = await readProtections(configuration);
  const data: ImageData = {
    web,
    db: database.db,
    logger,
    ...(protections === undefined ? {} : { protections }),
    stores: {
      all: [first, ...others],
      stagingDirectory: join(dataDirectory, 'images-staging'),
      near: localImageStore({ id: 'near', directory: nearDirectory(configuration) }),
    },
  };
  await recoverUploads(data);
  return data;
}

/** @throws Error with every mistake: protections that are half understood protect nothing */
async function readProtections({ images }: Configuration): Promise<PropertyProtections | undefined> {
  const { property_protection_file: file, property_protection_rule_format: format } = images;
  if (file === undefined) return undefined;
  const read = decodePropertyProtections(await readFile(file, 'utf8'), format);
  if ('mistakes' in read) throw new Error(`The property protections in ${file} have mistakes:\n  ${read.mistakes.join('\n  ')}`);
  return read;
}

/** What it removes waited for days. */
const SWEEP_MS = 3600_000;

export function startImageSweep(data: ImageData): { stop(): Promise<void> } {
  let current = Promise.resolve();
  const sweep = () => {
    current = sweepAll(data).catch((error: unknown) => data.logger.warn({ err: error }, 'leftovers of images could not be swept'));
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

async function sweepAll(data: ImageData): Promise<void> {
  await sweepRenditions(data);
  await sweepBlobs(data.db, data.stores, data.logger);
  // What was queued when a process died.
  await fillCache(data);
}
