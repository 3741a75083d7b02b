import { CompiledQuery, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../../core/database/schema-types.ts';
import type { Bind } from '../resource.ts';

/**
 * A statement put together from constant text and bound values: text of callers only ever gets in through `bind`. Plain text
 * and not a builder, so that the same question is the same prepared statement.
 */
export interface Statement {
  readonly bind: Bind;
  /** The placeholder of the asking project, bound once and only when it is needed. */
  readonly project: () => string;
  /** `:project` of a noun's SQL made a placeholder. */
  readonly fill: (text: string) => string;
  run<T>(db: Kysely<DatabaseSchema>, text: string): Promise<T[]>;
}

export function statement(projectId: string | null): Statement {
  const values: unknown[] = [];
  const bind: Bind = (value) => `$${values.push(value)}`;
  let asked: string | undefined;
  const project = () => (asked ??= `${bind(projectId)}::text`);
  return {
    bind,
    project,
    fill: (text) => (text.includes(':project') ? text.replaceAll(':project', project) : text),
    async run<T>(db: Kysely<DatabaseSchema>, text: string) {
      return (await db.executeQuery<T>(CompiledQuery.raw(text, values))).rows;
    },
  };
}

/**
 * A column is one of these. PostgreSQL takes a list of unknown length for ten rows, and would rather plan a statement anew each time than do ten times the
 * work: one alone is asked for by itself.
 */
export const isAmong = (column: string, ids: readonly unknown[], bind: Bind, kind: 'uuid' | 'text' = 'uuid'): string =>
  ids.length === 1 ? `${column} = ${bind(ids[0])}::${kind}` : `${column} = any(${bind(ids)}::${kind}[])`;

/** A statement that needs no project. */
export async function query<T>(db: Kysely<DatabaseSchema>, text: string, values: readonly unknown[] = []): Promise<T[]> {
  return (await db.executeQuery<T>(CompiledQuery.raw(text, [...values]))).rows;
}
