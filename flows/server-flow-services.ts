import type { Kysely } from 'kysely';
import type { PlacementSnapshot } from '../compute/placement-snapshot.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { Sealer } from '../core/base/sealer-codec.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';

/** What work on servers needs from the outside. */
export interface ServerFlowServices {
  readonly db: Kysely<DatabaseSchema>;
  readonly sealer: Sealer;
  /** What the installation tells every instance. */
  readonly vendorData: JsonObject;
  readonly placement: PlacementSnapshot;
}

/** A node's flow that was started for a server tells its end by this key (`node-flow-waiters.ts`). */
export const nodeNewsKey = (serverUuid: string): string => `server-node:${serverUuid}`;
/** A server's flow tells its end by this one, to the flow that deletes the server. */
export const serverIdleKey = (serverUuid: string): string => `server-idle:${serverUuid}`;
