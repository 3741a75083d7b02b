import { sql } from 'kysely';
import type { Condition } from './row-page.ts';

/** Conditions that several lists have. `alias` is the one of the list's source. */
export const ofNode = (alias: string, nodeUuid: string): Condition => sql`${sql.ref(`${alias}.node_uuid`)} = ${nodeUuid}`;

/** Rows of nodes that a project owns or leases. */
export const ofProject = (alias: string, project: string): Condition =>
  sql`exists (select from node of_project where of_project.uuid = ${sql.ref(`${alias}.node_uuid`)}
    and (of_project.owner = ${project} or of_project.lessee = ${project}))`;

export const inShards = (alias: string, shards: readonly string[]): Condition =>
  sql`exists (select from node in_shard where in_shard.uuid = ${sql.ref(`${alias}.node_uuid`)} and in_shard.shard = any(${shards}::text[]))`;

/** Rows with an owner that everybody may see, or this project. */
export const publicOrOwned = (alias: string, project: string): Condition =>
  sql`(${sql.ref(`${alias}.public`)} or ${sql.ref(`${alias}.owner`)} = ${project})`;

export const equals = (alias: string, column: string, value: unknown): Condition => sql`${sql.ref(`${alias}.${column}`)} = ${value}`;
