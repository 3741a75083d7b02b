import type { DebianPackage } from '../../deploy-agent/debian-packages.ts';

/** `debian-partition` is a file system, the others are disks. */
export type ImageName = 'debian' | 'debian-partition' | 'tiny';

/** How one image is made. `build` writes the raw disk to `output`; what it reads is in `sources` and `packages`, which name the result. */
export interface ImageRecipe {
  readonly name: ImageName;
  readonly defaultUser: string;
  /** Absolute paths of the files whose content decides the result. */
  readonly sources: readonly string[];
  packages(cacheDirectory: string): Promise<DebianPackage[]>;
  build(work: ImageWork): Promise<void>;
}

export interface ImageWork {
  readonly packages: readonly DebianPackage[];
  readonly cacheDirectory: string;
  readonly output: string;
  /** Digest of all inputs: identifiers in the image are derived from it. */
  readonly seed: string;
  readonly onProgress: (line: string) => void;
}
