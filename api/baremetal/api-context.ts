import { hostname } from 'node:os';
import type { BmcAddress, BmcConnection } from '../../bmc/capability.ts';
import type { Sealer } from '../../core/base/sealer-codec.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { AuditContext } from '../../flows/audit-installation.ts';
import type { ConsoleLogs } from '../../inventory/console-log-files.ts';
import type { PolicyEngine } from '../../identity/policy-engine.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { findNode } from '../../inventory/node-store.ts';

/** What the routes of this API are given. */
export interface ApiContext {
  readonly database: Database;
  readonly sealer: Sealer;
  /** Boot tokens are checked with it. */
  readonly bootSecret: Buffer;
  /** Made with `BAREMETAL_RULES`. */
  readonly policy: PolicyEngine;
  /** What an audit looks at beside the database. */
  readonly audit: Omit<AuditContext, 'db' | 'settlingSeconds'>;
  readonly consoleLogs: ConsoleLogs;
  readonly connectBmc: (addresses: readonly BmcAddress[]) => BmcConnection;
}

/** What the API calls a conductor: a process of ours, by its machine's name. */
export const conductorName = hostname();

export async function mustFindNode(context: ApiContext, id: string): Promise<NodeRecord> {
  const node = await findNode(context.database.db, id);
  if (node === undefined) throw new InventoryError(404, `Node ${id} could not be found.`);
  return node;
}
