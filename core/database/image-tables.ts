import type { ColumnType, Generated } from 'kysely';
import type { Created, JsonColumn } from './inventory-tables.ts';

/** Rows of images and metadata definitions; written by `images/` only. */
interface Made {
  created_at: Created;
  updated_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface ImageTables {
  image: ImageTable;
  image_member: Made & { image_id: string; member: string; status: Generated<string> };
  image_blob: { store: string; sha512: string; size: number; created_at: Created };
  image_location: {
    id: Generated<number>;
    image_id: string;
    position: number;
    store: string | null;
    sha512: string | null;
    url: string | null;
    metadata: JsonColumn;
  };
  image_rendition: {
    source: string;
    sha512: string;
    size: number;
    disk_size: number;
    hits: Generated<number>;
    created_at: Created;
    last_used: Generated<Date>;
  };
  image_task: ImageTaskTable;
  image_cache: {
    image_id: string;
    state: 'queued' | 'cached';
    hits: Generated<number>;
    last_accessed: Generated<Date>;
    last_modified: Generated<Date>;
  };
  metadef_namespace: Made & {
    namespace: string;
    seq: Generated<number>;
    display_name: string | null;
    description: string | null;
    visibility: Generated<string>;
    protected: Generated<boolean>;
    owner: string;
  };
  metadef_object: Made & {
    namespace: string;
    name: string;
    seq: Generated<number>;
    description: string | null;
    required: JsonColumn<string[]>;
    properties: JsonColumn;
  };
  metadef_property: Made & { namespace: string; name: string; seq: Generated<number>; schema: JsonColumn };
  metadef_tag: Made & { namespace: string; name: string; seq: Generated<number> };
  metadef_resource_type: Made & { name: string; protected: Generated<boolean> };
  metadef_association: Made & { namespace: string; resource_type: string; prefix: string | null; properties_target: string | null };
}

export interface ImageTable extends Made {
  id: string;
  seq: Generated<number>;
  name: string | null;
  status: Generated<string>;
  visibility: Generated<string>;
  owner: string | null;
  disk_format: string | null;
  container_format: string | null;
  min_disk: Generated<number>;
  min_ram: Generated<number>;
  size: number | null;
  virtual_size: number | null;
  checksum: string | null;
  os_hash_algo: string | null;
  os_hash_value: string | null;
  protected: Generated<boolean>;
  os_hidden: Generated<boolean>;
  tags: Generated<string[]>;
  properties: JsonColumn<Record<string, string>>;
}

export interface ImageTaskTable extends Made {
  id: Generated<string>;
  image_id: string | null;
  type: string;
  status: Generated<string>;
  owner: string | null;
  user_id: string | null;
  request_id: string | null;
  input: JsonColumn;
  result: ColumnType<object | null, string | null | undefined, string | null>;
  message: Generated<string>;
  expires_at: Date | null;
}
