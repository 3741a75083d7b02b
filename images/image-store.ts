import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** Where images' bytes are kept, under their SHA-512 (hex): once, however many images have them. */
export interface ImageStore {
  readonly id: string;
  readonly kind: 'file' | 's3';
  readonly description: string;
  /** Takes in a file of these bytes, which nobody changes afterwards; nothing happens when they are there. */
  put(sha512: string, file: string, options: { readonly sizeBytes: number; readonly signal: AbortSignal }): Promise<void>;
  /** Bytes `start` to `end`, both included. @throws ImageError 404 when they are not there */
  open(sha512: string, range: { readonly start: number; readonly end: number }): Promise<Readable>;
  /** All that are there, but what came in the last so many milliseconds. */
  list(ageMsMin: number): Promise<string[]>;
  /** Nothing happens when they are not there. */
  remove(sha512: string): Promise<void>;
  /** What a `put` left half done that began so long ago, in words. */
  listIncomplete(ageMsMin: number): Promise<string[]>;
  dropIncomplete(ageMsMin: number): Promise<void>;
}

/** A store whose bytes are files of this host. */
export interface LocalImageStore extends ImageStore {
  readonly kind: 'file';
  readonly directory: string;
  /** Where these bytes are when they are there. */
  pathOf(sha512: string): string;
  /** The caller closes it. @throws ImageError 404 when they are not there */
  openFile(sha512: string): Promise<FileHandle>;
}

export const isLocal = (store: ImageStore): store is LocalImageStore => store.kind === 'file';

export interface ImageStores {
  /** The first is the default. */
  readonly all: readonly [ImageStore, ...ImageStore[]];
  /** A folder for bytes on their way, on the default store's disk when it is one. */
  readonly stagingDirectory: string;
  /** What machines take instead of an image's own bytes (image-rendition-service); no image has its bytes here. */
  readonly near: LocalImageStore;
}

export const storeOf = (stores: ImageStores, id: string): ImageStore | undefined => stores.all.find((store) => store.id === id);
