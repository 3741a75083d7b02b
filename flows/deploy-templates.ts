import type { Kysely } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import type { RequestedStep } from './step-plan-policy.ts';

/** The steps of the deploy templates whose names are among the instance's traits (`instance_info/traits`). */
export async function templateSteps(db: Kysely<DatabaseSchema>, node: NodeRecord): Promise<readonly RequestedStep[]> {
  const traits = (node.instance_info as JsonObject)['traits'];
  if (!Array.isArray(traits) || traits.length === 0) return [];
  const rows = await db.selectFrom('deploy_template').select('steps').where('name', 'in', traits.map(String)).orderBy('name').execute();
  return rows.flatMap(({ steps }) => steps as unknown as RequestedStep[]);
}
