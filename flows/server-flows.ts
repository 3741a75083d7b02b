import type { Kysely } from 'kysely';
import type { DatabaseSchema, WaitingFor } from '../core/database/schema-types.ts';
import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { serverCreateFlow } from './server-create-flow.ts';
import { serverDeleteFlow } from './server-delete-flow.ts';
import type { ServerFlowServices } from './server-flow-services.ts';
import { serverVerbFlow } from './server-verb-flow.ts';

export const serverFlows = (services: ServerFlowServices): FlowDefinition[] => [
  serverCreateFlow(services) as unknown as FlowDefinition,
  serverVerbFlow(services),
  serverDeleteFlow(services),
];

/** Of the work that goes on with a server; null: none does. */
export async function waitingForOf(db: Kysely<DatabaseSchema>, serverUuid: string): Promise<WaitingFor | null> {
  const row = await db
    .selectFrom('flow')
    .select('waiting_for')
    .where('subject_id', '=', serverUuid)
    .where('kind', 'like', 'server.%')
    .where('status', 'in', ['running', 'unwinding'])
    .orderBy('created_at', 'desc')
    .executeTakeFirst();
  return row?.waiting_for ?? null;
}
