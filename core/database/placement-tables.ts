import type { ColumnType, Generated } from 'kysely';
import type { Created } from './inventory-tables.ts';

/** Rows of Placement; written by `compute/` and, for nodes, by the triggers of migration 0006. */
interface Made {
  created_at: Created;
  updated_at: ColumnType<Date, Date | string | undefined, Date | string>;
}

export interface PlacementTables {
  placement_resource_class: Made & { name: string; seq: Generated<number>; is_standard: Generated<boolean> };
  placement_trait: Made & { name: string };
  placement_provider: Made & {
    uuid: string;
    name: string;
    generation: Generated<number>;
    parent_uuid: string | null;
    root_uuid: string;
    /** The node whose inventory this is. */
    node_uuid: Generated<string | null>;
    changed: Generated<string>;
  };
  placement_provider_gone: { uuid: string; changed: Generated<string>; gone_at: Created };
  placement_inventory: PlacementInventoryRow;
  placement_provider_trait: { provider_uuid: string; trait: string };
  placement_provider_aggregate: { provider_uuid: string; aggregate_uuid: string };
  placement_consumer: Made & {
    uuid: string;
    generation: Generated<number>;
    project_id: string;
    user_id: string;
    consumer_type: string | null;
  };
  placement_allocation: {
    consumer_uuid: string;
    provider_uuid: string;
    resource_class: string;
    used: number;
    updated_at: Generated<Date>;
  };
}

export interface PlacementInventoryRow {
  provider_uuid: string;
  resource_class: string;
  total: number;
  reserved: number;
  min_unit: number;
  max_unit: number;
  step_size: number;
  allocation_ratio: number;
  updated_at: Generated<Date>;
}
