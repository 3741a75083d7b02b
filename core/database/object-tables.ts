import type { ColumnType, Generated } from 'kysely';
import type { Created, JsonColumn } from './inventory-tables.ts';

/** Rows of object storage; written by `storage/` only. Times end in `_us`: microseconds since 1970; `delete_at` is in seconds. */
export interface ObjectTables {
  object_account: { name: string; created_us: number; headers: JsonColumn<Record<string, string>> };
  object_container: {
    id: Generated<number>;
    account: string;
    name: string;
    created_us: number;
    changed_us: number;
    headers: JsonColumn<Record<string, string>>;
  };
  object_blob: { id: string; size: number; created_at: Created };
  object_item: {
    container_id: number;
    name: string;
    blob_id: string | null;
    /** Of the bytes that are stored under this name: of a static large object, its manifest. */
    size: number;
    /** MD5 of them, hex. */
    etag: string;
    content_type: string;
    modified_us: number;
    headers: JsonColumn<Record<string, string>>;
    delete_at: number | null;
    /** Segments of a static large object. */
    manifest: ColumnType<unknown[] | null, string | null | undefined, string | null>;
    /** Of what a static large object's segments make together. */
    whole_size: number | null;
    whole_etag: string | null;
  };
  object_usage: { container_id: number; part: number; objects: number; bytes: number };
  object_garbage: { blob_id: string };
}
