import type { Selectable } from 'kysely';
import type {
  AllocationTable,
  ChassisTable,
  DeployTemplateTable,
  InspectionRuleTable,
  MachineGroupTable,
  MachineTagTable,
  PortgroupTable,
  RunbookTable,
  VolumeConnectorTable,
  VolumeTargetTable,
} from '../core/database/baremetal-tables.ts';
import { recordStore } from './record-store.ts';

/** The tables of the API's nouns that need no SQL of their own. */
export type Chassis = Selectable<ChassisTable>;
export type Portgroup = Selectable<PortgroupTable>;
export type Allocation = Selectable<AllocationTable>;
export type DeployTemplate = Selectable<DeployTemplateTable>;
export type Runbook = Selectable<RunbookTable>;
export type VolumeConnector = Selectable<VolumeConnectorTable>;
export type VolumeTarget = Selectable<VolumeTargetTable>;
export type InspectionRule = Selectable<InspectionRuleTable>;

export const chassisStore = recordStore<Chassis>('chassis', 'c', ['extra']);
export const portgroupStore = recordStore<Portgroup>('portgroup', 'g', ['properties', 'internal_info', 'extra']);
export const allocationStore = recordStore<Allocation>('allocation', 'a', ['traits', 'candidate_nodes', 'extra']);
export const deployTemplateStore = recordStore<DeployTemplate>('deploy_template', 't', ['steps', 'extra']);
export const runbookStore = recordStore<Runbook>('runbook', 'r', ['steps', 'extra']);
export const volumeConnectorStore = recordStore<VolumeConnector>('volume_connector', 'v', ['extra']);
export const volumeTargetStore = recordStore<VolumeTarget>('volume_target', 'v', ['properties', 'extra']);
export type MachineGroup = Selectable<MachineGroupTable>;
export type MachineTag = Selectable<MachineTagTable>;
export const poolStore = recordStore<MachineGroup>('pool', 'g', []);
export const zoneStore = recordStore<MachineGroup>('zone', 'g', []);
export const machineTagStore = recordStore<MachineTag>('machine_tag', 't', ['conditions']);
export const inspectionRuleStore = recordStore<InspectionRule>('inspection_rule', 'r', ['conditions', 'actions', 'inspector_form']);
