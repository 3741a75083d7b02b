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
  pool_uuid: string | null;
  zone_uuid: string | null;
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
  /** As a client of the Introspection API wrote it; null: it came by the Bare Metal API. */
  inspector_form: JsonColumn | null;
}

export interface ConductorTable extends Made {
  hostname: string;
  conductor_group: Generated<string>;
  drivers: JsonColumn<string[]>;
}

/** Pools and zones: a machine is in one of each. */
export interface MachineGroupTable extends Made {
  uuid: Generated<string>;
  name: string;
  description: Generated<string>;
}

export interface MachineTagTable extends Made {
  uuid: Generated<string>;
  name: string;
  comment: Generated<string>;
  /** As of an inspection rule; none: the tag is given by hand. */
  conditions: JsonColumn<unknown[]>;
  kernel_options: Generated<string>;
}

export interface NodeTagTable {
  node_uuid: string;
  tag_uuid: string;
}

export interface MachineScriptTable extends Made {
  uuid: Generated<string>;
  name: string;
  type: 'commissioning' | 'testing';
  title: Generated<string>;
  hardware: string;
  parallel: 'disabled' | 'instance' | 'any';
  may_reboot: boolean;
  by_default: boolean;
  timeout_seconds: number;
  content: string;
}

export interface ScriptResultTable extends Made {
  uuid: Generated<string>;
  node_uuid: string;
  /** The flow that ran it. */
  run: string;
  script: string;
  type: string;
  /** The disk or other part that it ran on; '': the machine. */
  instance: Generated<string>;
  status: 'passed' | 'failed' | 'timed out' | 'not run';
  exit_status: number | null;
  output: string;
  error_output: string;
  result: JsonColumn | null;
  started_at: Instant;
  ended_at: Instant;
}

export interface BaremetalTables {
  pool: MachineGroupTable;
  zone: MachineGroupTable;
  machine_tag: MachineTagTable;
  node_tag: NodeTagTable;
  machine_script: MachineScriptTable;
  script_result: ScriptResultTable;
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
