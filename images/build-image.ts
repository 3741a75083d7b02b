import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressFile } from './build/compress.ts';
import type { ImageName, ImageRecipe } from './build/image-recipe.ts';
import { debianPartitionImage } from './build/debian-partition-image.ts';
import { debianImage } from './build/debian-image.ts';
import { tinyImage } from './build/tiny-image.ts';

/**
 * Whole-disk images, and a partition image, from the system's own Debian sources, without loop devices or mounts; they boot on BIOS, UEFI and with
 * Secure Boot. Known by content: the same inputs give the same name, and a second call answers from the cache.
 */
export interface BuildImageOptions {
  readonly name: ImageName;
  readonly cacheDirectory: string;
  readonly onProgress: (line: string) => void;
}

export interface BuiltImage {
  readonly name: string;
  /** Absolute path of the packed disk image. */
  readonly path: string;
  readonly format: 'raw';
  readonly compression: 'zstd';
  /** Of the file at `path`. */
  readonly sizeBytes: number;
  /** Of the unpacked disk. */
  readonly diskSizeBytes: number;
  /** Of the file at `path`, in hex. */
  readonly sha256: string;
  readonly version: string;
  /** Who the SSH keys of the config drive are for. */
  readonly defaultUser: string;
}

const RECIPES: Readonly<Record<string, ImageRecipe>> = { debian: debianImage, 'debian-partition': debianPartitionImage, tiny: tinyImage };

export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const { name, cacheDirectory, onProgress } = options;
  const recipe = RECIPES[name];
  if (!recipe) throw new Error(`no image is called ${name}; there are ${Object.keys(RECIPES).join(' and ')}`);
  await mkdir(cacheDirectory, { recursive: true });
  const packages = await recipe.packages(cacheDirectory);
  const hash = createHash('sha256').update(name);
  for (const source of recipe.sources) hash.update(await readFile(source));
  for (const p of packages) hash.update(`${p.fileName} ${p.digest}\n`);
  const seed = hash.digest('hex');
  const version = seed.slice(0, 16);
  const path = join(cacheDirectory, `${name}-${version}.raw.zst`);
  const record = join(cacheDirectory, `${name}-${version}.json`);
  const known = await readFile(record, 'utf8').catch(() => undefined);
  if (known && (await stat(path).catch(() => undefined))) return { ...(JSON.parse(known) as BuiltImage), path };

  const raw = join(cacheDirectory, `${name}-${version}.${process.pid}.raw`);
  try {
    onProgress(`building image ${name} ${version} from ${packages.length} Debian packages`);
    await rm(raw, { force: true });
    await recipe.build({ packages, cacheDirectory, output: raw, seed, onProgress });
    onProgress(`packing image ${name}`);
    const packed = await zstdCompressFile(raw, `${raw}.zst`);
    const diskSizeBytes = (await stat(raw)).size;
    await rename(`${raw}.zst`, path);
    const image: BuiltImage = {
      name,
      path,
      format: 'raw',
      compression: 'zstd',
      ...packed,
      diskSizeBytes,
      version,
      defaultUser: recipe.defaultUser,
    };
    await writeFile(record, JSON.stringify(image, null, 1));
    return image;
  } finally {
    await rm(raw, { force: true });
    await rm(`${raw}.zst`, { force: true });
  }
}
