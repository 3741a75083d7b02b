import type { Transaction } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';

/*
 * A noun of the Network API as data: which attributes it has, who may give which, how each is stored, read and searched, and
 * what is special about making, changing and removing one. `resource-service.ts` does the rest for all of them.
 */

/** PostgreSQL's type of an attribute: how values of a query are compared with it. `written`: its SQL is JSON text already. */
export type SqlKind = 'text' | 'uuid' | 'boolean' | 'integer' | 'inet' | 'cidr' | 'macaddr' | 'text[]' | 'jsonb' | 'written' | 'time';

/** Checks a value of a request and gives it in its stored form. @throws InvalidValue */
export interface AttributeType {
  readonly kind: SqlKind;
  read(value: unknown): unknown;
}

/** Why a value is none of its type; becomes "Invalid input for NAME. Reason: …". */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
}

export interface Attribute {
  readonly type: AttributeType;
  readonly post: boolean;
  readonly put: boolean;
  readonly filter: boolean;
  readonly sort: boolean;
  /** Without one, a POST has to name the attribute. */
  readonly default?: unknown;
  /** Where the mechanism stores it; null: the noun does that itself. */
  readonly column: string | null;
  /** How it is read, of a row `t` as the project `:project`; undefined: it is never shown. */
  readonly sql: string | undefined;
  /** Searched by this instead of what is shown. */
  readonly search?: string;
}

export type Values = Record<string, unknown>;
/** A row as an administrator sees it. */
export type Row = Record<string, unknown> & { readonly id: string; readonly project_id: string; readonly revision_number: number };

export type Trx = Transaction<DatabaseSchema>;

export interface NetworkActor {
  /** Null: an administrator of the whole installation, with no project of its own. */
  readonly projectId: string | null;
  /** Sees the rows of every project. */
  readonly seesAll: boolean;
}

export interface Work {
  readonly trx: Trx;
  readonly actor: NetworkActor;
  /** Of a noun below another one. */
  readonly parentId?: string | undefined;
}

export interface Parent {
  /** Name in the path: `policy_id` of `/qos/policies/:policy_id/dscp_marking_rules`. */
  readonly parameter: string;
  readonly resource: Resource;
  /** Column of the child. */
  readonly column: string;
}

export interface Resource {
  /** `security_group` in bodies and policies, `security_groups` in bodies of lists. */
  readonly member: string;
  readonly collection: string;
  /** `/security-groups`, below `/v2.0` or its parent. */
  readonly path: string;
  readonly table: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Which of POST, PUT and DELETE there are. */
  readonly verbs: readonly ('create' | 'update' | 'delete')[];
  /** There is no list of it. */
  readonly unlisted?: boolean;
  /** Which rows `t` the project `:project` sees. */
  readonly scope: string;
  readonly notFound: (id: string, parentId?: string) => Error;
  readonly parent?: Parent;
  /** Its rules, where they are not named after the member. */
  readonly policyName?: string;
  /** A row that the rules ask for: `network:project_id` is the project of the network that `network_id` names. */
  readonly owner?: { readonly prefix: string; readonly attribute: string; readonly resource: () => Resource };
  /** Counted by this quota. */
  readonly quota?: string;
  /** Counted before the rows are there: making one may bring another of its kind, which nobody asked for. */
  readonly isCountedFirst?: true;
  /** Only rows that fulfil this, which the table shares with other nouns. */
  readonly only?: { readonly column: string; readonly value: string };
  /** Filters that are no attributes. */
  readonly filters?: Readonly<Record<string, (values: readonly string[], bind: Bind, project: () => string) => string>>;
  /** `table` is a query over several tables: its rows can not be locked. */
  readonly derived?: boolean;
  /** How a row is named in paths and pages; default: `id`. */
  readonly key?: string;
  /** Before a list: what a project has without ever having asked for it. */
  prepare?(work: Work): Promise<void>;
  create?(work: Work, asked: readonly Values[]): Promise<string[]>;
  /** After `create`: what has to be looked at, or counted, with a lock that others wait for. */
  settle?(work: Work, made: readonly Row[]): Promise<void>;
  /** `changes` are valid and given; `before` is locked. */
  update?(work: Work, before: Row, changes: Values): Promise<void>;
  remove?(work: Work, row: Row): Promise<void>;
}

/** Adds a value to a statement and gives its placeholder. */
export type Bind = (value: unknown) => string;

interface More {
  readonly default?: unknown;
  readonly column?: string | null;
  readonly sql?: string | null;
  readonly search?: string;
}

/** `allow`: words of post, put, filter, sort. */
export const attribute = (type: AttributeType, allow: string, more: More = {}): ((name: string) => Attribute) => {
  const words = new Set(allow.split(' '));
  return (name) => {
    const column = more.column === undefined ? (more.sql === undefined ? name : null) : more.column;
    return {
      type,
      post: words.has('post'),
      put: words.has('put'),
      filter: words.has('filter'),
      sort: words.has('sort'),
      ...('default' in more ? { default: more.default } : {}),
      column,
      sql: more.sql === null ? undefined : (more.sql ?? readSql(type.kind, column!)),
      ...(more.search === undefined ? {} : { search: more.search }),
    };
  };
};

export const TIME_FORMAT = `'YYYY-MM-DD"T"HH24:MI:SS"Z"'`;

function readSql(kind: SqlKind, column: string): string {
  const own = `t."${column}"`;
  return kind === 'time' ? `to_char(${own} at time zone 'UTC', ${TIME_FORMAT})` : own;
}

export const attributes = (table: Readonly<Record<string, (name: string) => Attribute>>): Readonly<Record<string, Attribute>> =>
  Object.fromEntries(Object.entries(table).map(([name, make]) => [name, make(name)]));
