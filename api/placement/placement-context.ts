import type { Database } from '../../core/database/connect-database.ts';
import { createPlacementSnapshot, type PlacementSnapshot } from '../../compute/placement-snapshot.ts';
import type { Call, ServiceRoute } from '../service-plugin.ts';

export interface PlacementContext {
  readonly database: Database;
  readonly snapshot: PlacementSnapshot;
}

export type PlacementCall = Call<PlacementContext>;
export type PlacementRoute = ServiceRoute<PlacementContext>;

export const placementContext = (database: Database): PlacementContext => ({ database, snapshot: createPlacementSnapshot(database.db) });
