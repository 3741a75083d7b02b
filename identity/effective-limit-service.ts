import { sql } from 'kysely';
import type { Reader } from './identity-context.ts';

/**
 * What a service of this type allows a project of each resource: the project's own limit, or else the registered default. A resource without a registered limit has
 * none. −1 is no limit (oslo.limit).
 */
export async function effectiveLimits(db: Reader, serviceType: string, projectId: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ resource: string; amount: number }>`
    select registered.resource_name as resource, coalesce(own.resource_limit, registered.default_limit) as amount
    from identity_registered_limit registered
    join identity_service service on service.id = registered.service_id and service.type = ${serviceType}
    left join identity_limit own on own.registered_limit_id = registered.id and own.project_id = ${projectId}`.execute(db);
  return new Map(rows.filter(({ amount }) => amount >= 0).map(({ resource, amount }) => [resource, amount]));
}
