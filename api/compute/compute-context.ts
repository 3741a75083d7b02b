import type { BmcAddress, BmcConnection } from '../../bmc/capability.ts';
import type { PlacementSnapshot } from '../../compute/placement-snapshot.ts';
import type { Doer } from '../../compute/server-action-service.ts';
import type { Sealer } from '../../core/base/sealer-codec.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { ImageData } from '../../images/image-data-service.ts';
import { Refusal, type Call, type ServiceRoute } from '../service-plugin.ts';

export interface ComputeContext {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly placement: PlacementSnapshot;
  readonly images: ImageData;
  readonly connectBmc: (addresses: readonly BmcAddress[]) => BmcConnection;
}

export type ComputeCall = Call<ComputeContext>;
export type ComputeRoute = ServiceRoute<ComputeContext>;

export const dbOf = (call: ComputeCall) => call.context.database.db;

/** What the caller's own project is to the rules. Nobody's project is no project's. */
export const ownTarget = ({ actor }: ComputeCall) => ({ project_id: actor.projectId ?? '', user_id: actor.userId });

/** What is made belongs to a project. @throws Refusal 403 for who has none */
export function projectOf({ actor }: ComputeCall): string {
  if (actor.projectId === null) throw new Refusal(403, 'This belongs to a project: log in to one.');
  return actor.projectId;
}

export const doerOf = ({ actor, requestId }: ComputeCall): Doer => ({ requestId, userId: actor.userId, projectId: actor.projectId });

export const flowServicesOf = ({ context }: ComputeCall) => ({
  db: context.database.db,
  sealer: context.sealer,
  placement: context.placement,
});

/** In this microversion it is not there. */
export const gone = () => new Refusal(404, 'The resource could not be found.');
