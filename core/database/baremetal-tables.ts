import type { Generated } from 'kysely';
import type { Created, Instant, JsonColumn } from './inventory-tables.ts';

/** Rows of the Bare Metal API's nouns beside nodes and ports. */
interface Made {
  /** Order of creation. */
  seq: Generated<number>;
  created_at: Created;
  updated_at: Instant | null;
}

export interface ChassisTable extends Made {
  uuid: Generated<string>;
  description: string | null;
  extra: JsonColumn;
}

export interface PortgroupTable extends Made {
  uuid: Generated<string>;
  node_uuid: string;
  name: string | null;
  address: string | null;
  mode: Generated<string>;
  properties: JsonColumn;
  standalone_ports_supported: Generated<boolean>;
  internal_info: JsonColumn;
  extra: JsonColumn;
}

export interface NodeTraitTable {
  node_uuid: string;
  trait: string;
}

export interface AllocationTable extends Made {
  uuid: Generated<string>;
  name: string | null;
  node_uuid: string | null;
  resource_class: string | null;
  traits: JsonColumn<string[]>;
  candidate_nodes: JsonColumn<string[]>;
  state: Generated<'allocating' | 'active' | 'error'>;
  last_error: string | null;
  owner: string | null;
  extra: JsonColumn;
}

export interface DeployTemplateTable extends Made {
  uuid: Generated<string>;
  name: string;
  steps: JsonColumn<unknown[]>;
  extra: JsonColumn;
}

export interface RunbookTable extends Made {
  uuid: Generated<string>;
  name: string;
  steps: JsonColumn<unknown[]>;
  disable_ramdisk: Generated<boolean>;
  public: Generated<boolean>;
  owner: string | null;
  extra: JsonColumn;
}

export interface VolumeConnectorTable extends Made {
  uuid: Generated<string>;
  node_uuid: string;
  type: string;
  connector_id: string;
  extra: JsonColumn;
}

export interface VolumeTargetTable extends Made {
  uuid: Generated<string>;
  node_uuid: string;
  volume_type: string;
  volume_id: string;
  boot_index: number;
  properties: JsonColumn;
  extra: JsonColumn;
}

export interface BiosSettingTable {
  node_uuid: string;
  name: string;
  value: string | null;
  attribute_type: string | null;
  allowable_values: JsonColumn<string[]>;
  lower_bound: number | null;
  upper_bound: number | null;
  min_length: number | null;
  max_length: number | null;
  read_only: boolean | null;
  reset_required: boolean | null;
  is_unique: boolean | null;
  created_at: Created;
  updated_at: Instant | null;
}

export interface FirmwareComponentTable {
  node_uuid: string;
  component: string;
  initial_version: string | null;
  current_version: string | null;
  last_version_flashed: string | null;
  created_at: Created;
  updated_at: Instant | null;
}

export interface InspectionRuleTable extends Made {
  uuid: Generated<string>;
  description: string | null;
  phase: Generated<string>;
  priority: Generated<number>;
  sensitive: Generated<boolean>;
  conditions: JsonColumn<unknown[]>;
  actions: JsonColumn<unknown[]>;
}

export interface ConductorTable extends Made {
  hostname: string;
  conductor_group: Generated<string>;
  drivers: JsonColumn<string[]>;
}

export interface BaremetalTables {
  chassis: ChassisTable;
  portgroup: PortgroupTable;
  node_trait: NodeTraitTable;
  allocation: AllocationTable;
  deploy_template: DeployTemplateTable;
  runbook: RunbookTable;
  volume_connector: VolumeConnectorTable;
  volume_target: VolumeTargetTable;
  bios_setting: BiosSettingTable;
  firmware_component: FirmwareComponentTable;
  inspection_rule: InspectionRuleTable;
  conductor: ConductorTable;
}
