import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { BaremetalTables } from './baremetal-tables.ts';

/** Timestamps are read as Date and written as Date or ISO text. */
export type Instant = ColumnType<Date, Date | string, Date | string>;
export type Created = ColumnType<Date, Date | string | undefined, never>;
export type JsonColumn<T = unknown> = JSONColumnType<T & object, string | undefined, string>;

/** Machines whose BMC tells by itself when the power changes. */
export interface PowerSourceTable {
  node_uuid: string;
  told_by: 'stream' | 'push';
  since: Created;
}

export interface NodeTable {
  uuid: Generated<string>;
  name: string | null;
  driver: string;
  provision_state: Generated<string>;
  target_provision_state: string | null;
  provision_updated_at: Instant | null;
  power_state: string | null;
  target_power_state: string | null;
  maintenance: Generated<boolean>;
  maintenance_reason: string | null;
  fault: string | null;
  last_error: string | null;
  /** Without secrets: those are in `driver_secrets`. */
  driver_info: JsonColumn;
  /** Sealed JSON of the secret keys of driver_info. */
  driver_secrets: string | null;
  properties: JsonColumn;
  instance_info: JsonColumn;
  /** Sealed: a config drive can hold passwords. */
  configdrive: string | null;
  instance_uuid: string | null;
  extra: JsonColumn;
  resource_class: string | null;
  description: string | null;
  owner: string | null;
  boot_kind: Generated<'agent' | 'disk' | 'hold' | 'image' | 'volume'>;
  boot_reason: Generated<string>;
  /** Of the kinds `image` and `volume`: what is booted (`pxe/boot-model.ts`). */
  boot_detail: JsonColumn;
  agent_token_hash: string | null;
  agent_seen_at: Instant | null;
  agent_version: string | null;
  system_uuid: string | null;
  serials: JsonColumn<string[]>;
  /** Order of creation. */
  seq: Generated<number>;
  chassis_uuid: string | null;
  conductor_group: Generated<string>;
  /** Kind of interface → the implementation's name (`inventory/driver-table.ts`). */
  interfaces: JsonColumn<Record<string, string>>;
  /** Null: as the installation's default says. */
  automated_clean: boolean | null;
  protected: Generated<boolean>;
  protected_reason: string | null;
  retired: Generated<boolean>;
  retired_reason: string | null;
  lessee: string | null;
  network_data: JsonColumn;
  boot_mode: string | null;
  secure_boot: boolean | null;
  shard: string | null;
  parent_node: string | null;
  raid_config: JsonColumn;
  target_raid_config: JsonColumn;
  clean_step: JsonColumn;
  deploy_step: JsonColumn;
  service_step: JsonColumn;
  console_enabled: Generated<boolean>;
  pool_uuid: Generated<string>;
  zone_uuid: Generated<string>;
  inspection_started_at: Instant | null;
  inspection_finished_at: Instant | null;
  driver_internal_info: JsonColumn;
  created_at: Created;
  updated_at: Instant | null;
}

export interface PortTable {
  uuid: Generated<string>;
  seq: Generated<number>;
  node_uuid: string;
  portgroup_uuid: string | null;
  address: string;
  pxe_enabled: Generated<boolean>;
  is_smartnic: Generated<boolean>;
  name: string | null;
  /** `tenant_vif_port_id` of an attached VIF, and what else only we write. */
  internal_info: JsonColumn;
  physical_network: string | null;
  local_link_connection: JsonColumn;
  /** What an inspection wrote there; other than that it is an operator's word. */
  inspected_link: JsonColumn | null;
  extra: JsonColumn;
  created_at: Created;
  updated_at: Instant | null;
}

export interface InspectionTable {
  node_uuid: string;
  version: number;
  taken_at: Created;
  document: JsonColumn;
  changes: JsonColumn<unknown[]>;
}

export interface MachineEventTable {
  id: Generated<number>;
  at: Instant;
  node_uuid: string | null;
  mac: string | null;
  ip_address: string | null;
  bmc_address: string | null;
  source: string;
  kind: string;
  severity: string;
  message: string;
  evidence: JsonColumn;
  correlation_id: string | null;
}

export interface LeaseTable {
  ip_address: string;
  mac: string;
  client_id: string | null;
  subnet_id: string;
  state: string;
  hostname: string | null;
  architecture: number | null;
  expires_at: Instant;
  sequence: number;
  stored_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface AgentCommandTable {
  id: string;
  node_uuid: string;
  step: string;
  /** Sealed JSON: arguments can hold passwords and config drives. */
  args: string;
  timeout_seconds: number;
  status: Generated<'queued' | 'running' | 'succeeded' | 'failed'>;
  progress: JsonColumn | null;
  result: JsonColumn | null;
  error: JsonColumn | null;
  abort: Generated<boolean>;
  created_at: Created;
  ended_at: Instant | null;
}

export interface SettingTable {
  name: string;
  sealed: string;
}

/** A network that several boot servers may share; `slots` are those of `inventory/boot-share-policy.ts`. */
export interface BootNetworkTable {
  cidr: string;
  epoch: number;
  slots: JsonColumn;
}

export interface BootServerTable {
  cidr: string;
  /** Its IPv4 address on the network. */
  address: string;
  held_epoch: number;
  is_bounded: boolean;
  lease_seconds: number;
  status: JsonColumn;
  seen_at: Created;
  started_at: Instant;
}

/** A BMC that sends traps to this receiver; its node may be gone. */
export interface TrapEnrolmentTable {
  node_uuid: string;
  /** An address. */
  receiver: string;
  /** The host whose configuration wants it. */
  owner: string;
  driver: string;
  driver_info: JsonColumn;
  /** As of the node. */
  driver_secrets: string | null;
  enrolled_at: Created;
}

export interface InventoryTables extends BaremetalTables {
  boot_network: BootNetworkTable;
  boot_server: BootServerTable;
  trap_enrolment: TrapEnrolmentTable;
  power_source: PowerSourceTable;
  node: NodeTable;
  port: PortTable;
  inspection: InspectionTable;
  machine_event: MachineEventTable;
  lease: LeaseTable;
  agent_command: AgentCommandTable;
  setting: SettingTable;
}
