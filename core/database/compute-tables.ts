import type { ColumnType, Generated } from 'kysely';
import type { Created, JsonColumn } from './inventory-tables.ts';

/** Rows of compute; the views `server_seen` and `server_address` are in migration 0021. */
type Touched = ColumnType<Date | null, Date | null | undefined, Date>;
type MaybeTime = ColumnType<Date | null, Date | null | undefined, Date | null>;
type Text = Readonly<Record<string, string>>;

export interface FlavorTable {
  seq: Generated<number>;
  id: string;
  name: string;
  description: string | null;
  /** MiB */
  ram: number;
  vcpus: number;
  /** GiB, as `ephemeral`. */
  disk: number;
  ephemeral: Generated<number>;
  /** MiB */
  swap: Generated<number>;
  rxtx_factor: Generated<number>;
  is_public: Generated<boolean>;
  extra_specs: JsonColumn<Text>;
  created_at: Created;
  updated_at: Touched;
}

export interface KeypairTable {
  seq: Generated<number>;
  user_id: string;
  name: string;
  type: string;
  public_key: string;
  fingerprint: string;
  created_at: Created;
}

export interface AggregateTable {
  id: Generated<number>;
  uuid: Generated<string>;
  name: string;
  metadata: JsonColumn<Text>;
  created_at: Created;
  updated_at: Touched;
}

export interface ServerGroupTable {
  uuid: Generated<string>;
  seq: Generated<number>;
  project_id: string;
  user_id: string;
  name: string;
  policy: string;
  rules: JsonColumn<Readonly<Record<string, number>>>;
  created_at: Created;
  updated_at: Touched;
}

export interface ServerTable {
  uuid: Generated<string>;
  seq: Generated<number>;
  project_id: string;
  user_id: string;
  name: string;
  hostname: string;
  description: string | null;
  /** The flavor as it was when the server was made. */
  flavor: JsonColumn;
  image_id: string | null;
  image_properties: JsonColumn<Text>;
  key_name: string | null;
  public_key: string | null;
  /** Sealed: base64 as it was given. */
  user_data: string | null;
  /** Sealed. */
  admin_password: string | null;
  config_drive: Generated<boolean>;
  /** Sealed contents: `{path, contents}`. */
  files: JsonColumn<unknown[]>;
  metadata: JsonColumn<Text>;
  tags: JsonColumn<string[]>;
  zone_asked: string | null;
  zone: string | null;
  host: string | null;
  node_uuid: string | null;
  launch_index: Generated<number>;
  reservation_id: string;
  access_ip_v4: Generated<string>;
  access_ip_v6: Generated<string>;
  disk_config: Generated<string>;
  /** What was asked for, in order: `{network}` or `{port}`, with `fixed_ip` and `tag`. */
  networks: JsonColumn<unknown[]>;
  hints: JsonColumn;
  group_uuid: string | null;
  state: string;
  task: string | null;
  fault: ColumnType<unknown, string | null | undefined, string | null>;
  locked_by: string | null;
  locked_reason: string | null;
  created_at: Created;
  updated_at: ColumnType<Date, Date | undefined, Date>;
  launched_at: MaybeTime;
  terminated_at: MaybeTime;
  deleted_at: MaybeTime;
}

export interface ComputeTables {
  flavor: FlavorTable;
  flavor_access: { flavor_id: string; project_id: string };
  keypair: KeypairTable;
  compute_quota: { project_id: string; user_id: Generated<string>; resource: string; most: number };
  compute_quota_class: { name: string; resource: string; most: number };
  compute_host: {
    name: string;
    disabled: Generated<boolean>;
    disabled_reason: string | null;
    forced_down: Generated<boolean>;
    updated_at: ColumnType<Date, Date | undefined, Date>;
  };
  aggregate: AggregateTable;
  aggregate_host: { aggregate_id: number; host: string };
  server_group: ServerGroupTable;
  server: ServerTable;
  server_action: {
    id: Generated<number>;
    server_uuid: string;
    request_id: string;
    action: string;
    project_id: string | null;
    user_id: string | null;
    message: string | null;
    started_at: Created;
    updated_at: ColumnType<Date, Date | undefined, Date>;
  };
  server_event: {
    id: Generated<number>;
    action_id: number;
    event: string;
    started_at: Created;
    finished_at: MaybeTime;
    result: string | null;
    details: string | null;
    host: string | null;
  };
}
