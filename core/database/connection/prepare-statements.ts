import type pg from 'pg';

/*
 * Statements that come again and again are prepared once for each connection: PostgreSQL then neither parses nor plans
 * them anew, which is half of what a short query costs it.
 */

/** A statement is prepared when it comes for the third time, on any connection: what is asked once stays unnamed. */
const SEEN_BEFORE_PREPARING = 2;
/** Lists of values of every length make many texts; those beyond this many are sent unnamed, as before. */
const STATEMENTS_MAX = 500;

/** The statements of one pool. */
export interface PreparedStatements {
  /** Gives `client.query(text, values)` a name where that pays; all other forms stay as they are. */
  attach(client: pg.PoolClient): void;
  /** The tables have changed: plans of before would be refused ("cached plan must not change result type"). */
  forget(): void;
}

export function prepareStatements(): PreparedStatements {
  const names = new Map<string, string>();
  const seen = new Map<string, number>();
  let generation = 0;

  /** One name for one text; PostgreSQL's names have at most 63 bytes. */
  const nameOf = (text: string): string => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = `g${generation}s${names.size}`;
    names.set(text, name);
    return name;
  };

  return {
    attach(client) {
      const plain = client.query.bind(client) as (...args: unknown[]) => unknown;
      const query = (text: unknown, values?: unknown, ...rest: unknown[]): unknown => {
        if (typeof text !== 'string' || !Array.isArray(values) || rest.length > 0) return plain(text, values, ...rest);
        const count = seen.get(text) ?? 0;
        if (seen.size >= STATEMENTS_MAX && !seen.has(text)) return plain(text, values);
        seen.set(text, count + 1);
        return count < SEEN_BEFORE_PREPARING ? plain(text, values) : plain({ name: nameOf(text), text, values });
      };
      Object.assign(client, { query });
    },
    forget() {
      generation += 1;
      names.clear();
    },
  };
}
