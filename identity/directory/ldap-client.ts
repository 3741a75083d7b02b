import { readFile } from 'node:fs/promises';
import {
  AndFilter,
  Client,
  EqualityFilter,
  FilterParser,
  InvalidCredentialsError,
  NoSuchObjectError,
  type Entry,
  type Filter,
} from 'ldapts';
import type { DirectoryOptions, DirectoryTree } from './directory-options.ts';

/** LDAP (RFC 4511) as far as a directory of users needs it: find, list, and try a password. Reads only. */
const TIMEOUT_MS = 10_000;

export interface DirectoryUser {
  readonly dn: string;
  readonly localId: string;
  readonly name: string;
  readonly mail: string | null;
  readonly description: string | null;
  readonly enabled: boolean;
}

export interface DirectoryGroup {
  readonly localId: string;
  readonly name: string;
  readonly description: string | null;
  /** DNs, or local ids where the directory says so. */
  readonly members: readonly string[];
}

async function withClient<T>(options: DirectoryOptions, work: (client: Client) => Promise<T>): Promise<T> {
  const ca = options.authorityFile === null ? {} : { ca: await readFile(options.authorityFile) };
  const tls = { rejectUnauthorized: options.certificates === 'demand', ...ca };
  const secure = options.url.startsWith('ldaps:');
  const client = new Client({ url: options.url, timeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS, ...(secure ? { tlsOptions: tls } : {}) });
  try {
    if (options.useTls && !secure) await client.startTLS(tls);
    return await work(client);
  } finally {
    await client.unbind().catch(() => {});
  }
}

const asService = async (options: DirectoryOptions, client: Client) => {
  if (options.user !== null) await client.bind(options.user, options.password ?? '');
};

/** Attributes are compared, never pasted into a filter: a name with a parenthesis is a name. */
function filterOf(tree: DirectoryTree, name?: string): Filter {
  const filters: Filter[] = [new EqualityFilter({ attribute: 'objectClass', value: tree.objectClass })];
  if (tree.filter !== null) filters.push(FilterParser.parseString(tree.filter));
  if (name !== undefined) filters.push(new EqualityFilter({ attribute: tree.name, value: name }));
  return new AndFilter({ filters });
}

async function search(options: DirectoryOptions, tree: DirectoryTree, client: Client, name?: string): Promise<Entry[]> {
  try {
    const paged = options.pageSize > 0 ? { paged: { pageSize: options.pageSize } } : {};
    return (await client.search(tree.base, { scope: options.scope, filter: filterOf(tree, name), ...paged })).searchEntries;
  } catch (error) {
    if (error instanceof NoSuchObjectError) return [];
    throw error;
  }
}

function valuesOf(entry: Entry, attribute: string): string[] {
  const key = Object.keys(entry).find((name) => name.toLowerCase() === attribute.toLowerCase());
  const value = key === undefined ? [] : entry[key]!;
  return (Array.isArray(value) ? value : [value]).map(String);
}
const first = (entry: Entry, attribute: string): string | undefined => valuesOf(entry, attribute)[0];

function userOf({ users }: DirectoryOptions, entry: Entry): DirectoryUser[] {
  const [localId, name] = [first(entry, users.id), first(entry, users.name)];
  if (localId === undefined || name === undefined) return [];
  const flag = first(entry, users.enabled) ?? users.enabledDefault;
  const raised = users.enabledMask > 0 ? (Number(flag) & users.enabledMask) !== users.enabledMask : !/^(false|0|no)$/i.test(flag);
  return [
    {
      dn: entry.dn,
      localId,
      name,
      mail: first(entry, users.mail) ?? null,
      description: first(entry, users.description) ?? null,
      enabled: users.enabledInvert && users.enabledMask === 0 ? !raised : raised,
    },
  ];
}

/** Undefined when there is none of that name with that password. An empty password would be an anonymous bind: refused. */
export function checkDirectoryPassword(options: DirectoryOptions, name: string, password: string): Promise<DirectoryUser | undefined> {
  return withClient(options, async (client) => {
    await asService(options, client);
    const [user] = (await search(options, options.users, client, name)).flatMap((entry) => userOf(options, entry));
    if (user === undefined || password === '') return undefined;
    try {
      await client.bind(user.dn, password);
      return user;
    } catch (error) {
      if (error instanceof InvalidCredentialsError) return undefined;
      throw error;
    }
  });
}

export function readDirectory(options: DirectoryOptions): Promise<{ users: DirectoryUser[]; groups: DirectoryGroup[] }> {
  return withClient(options, async (client) => {
    await asService(options, client);
    const users = (await search(options, options.users, client)).flatMap((entry) => userOf(options, entry));
    const { groups: tree } = options;
    const groups = (await search(options, tree, client)).flatMap((entry): DirectoryGroup[] => {
      const [localId, name] = [first(entry, tree.id), first(entry, tree.name)];
      if (localId === undefined || name === undefined) return [];
      return [{ localId, name, description: first(entry, tree.description) ?? null, members: valuesOf(entry, tree.member) }];
    });
    return { users, groups };
  });
}
