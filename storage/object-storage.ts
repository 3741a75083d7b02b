import type { Kysely, Transaction } from 'kysely';
import type { Logger } from '../core/base/logger.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';

export type Db = Kysely<DatabaseSchema>;
export type Trx = Transaction<DatabaseSchema>;
export type Headers = Readonly<Record<string, string>>;

/** What object storage works on: rows in the database, files in one directory that all processes of an installation share. */
export interface ObjectStorage {
  readonly db: Db;
  readonly directory: string;
  /** This process's name: its unfinished uploads lie under it, and others see by it whether it lives. */
  readonly owner: string;
  readonly logger: Logger;
  /** Something is to be swept: a file that may be nobody's, or an object that expires at that time (seconds since 1970). */
  wake(dueAt?: number): void;
}

export interface Account {
  readonly name: string;
  readonly createdUs: number;
  readonly headers: Headers;
}

export interface Container {
  readonly id: number;
  readonly account: string;
  readonly name: string;
  readonly createdUs: number;
  readonly changedUs: number;
  /** All that its owner said of it, by lower-case header: metadata, ACLs, quotas, versioning. */
  readonly headers: Headers;
}

/** A part of a static large object as it is stored. */
export interface Segment {
  /** `/container/object`, or undefined for bytes that are in the manifest itself. */
  readonly path?: string;
  /** Base64. */
  readonly data?: string;
  readonly etag: string;
  /** Of the whole segment, whatever part of it is used. */
  readonly bytes: number;
  readonly contentType?: string;
  readonly modifiedUs?: number;
  /** Both included. */
  readonly range?: readonly [first: number, last: number];
  /** The segment is a static large object itself. */
  readonly isManifest?: true;
}

export interface Item {
  readonly containerId: number;
  readonly name: string;
  readonly blobId: string | null;
  readonly size: number;
  readonly etag: string;
  readonly contentType: string;
  readonly modifiedUs: number;
  readonly headers: Headers;
  /** Seconds since 1970. */
  readonly deleteAt: number | null;
  readonly manifest: readonly Segment[] | null;
  readonly wholeSize: number | null;
  readonly wholeEtag: string | null;
}

export interface Usage {
  readonly objects: number;
  readonly bytes: number;
}
