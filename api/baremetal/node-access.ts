import { findNodeBrief, findNodeDetail, type NodeBrief, type NodeDetail } from '../../inventory/node-detail-store.ts';
import { InventoryError, type Db } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import { nodeTarget } from './baremetal-policy.ts';
import type { Call } from './baremetal-route.ts';
import { toIdent } from './query-values.ts';

/** From the word in a path to a node that the caller may see, and do this with. */
export const nodeFor = (call: Call, word: string, ...rules: readonly string[]): Promise<NodeDetail> =>
  access(call, word, rules, findNodeDetail);

/** The same with as much of the node as a verb needs. */
export const nodeBriefFor = (call: Call, word: string, ...rules: readonly string[]): Promise<NodeBrief> =>
  access(call, word, rules, findNodeBrief);

type Find<Node> = (db: Db, ident: { readonly uuid?: string; readonly name?: string }) => Promise<Node | undefined>;

async function access<Node extends NodeBrief>(call: Call, word: string, rules: readonly string[], find: Find<Node>): Promise<Node> {
  const node = await findByWord(call, word, find);
  if (node === undefined) throw notFound(word);
  const target = nodeTarget(node);
  // Another project's node does not exist, as far as a project can tell.
  if (!call.allows('node:get', target)) {
    if (call.actor.projectId !== null) throw notFound(word);
    call.require('node:get', target);
  }
  for (const rule of rules) call.require(rule, target);
  return node;
}

export const notFound = (word: string) => new InventoryError(404, `Node ${word} could not be found.`);

async function findByWord<Node>(call: Call, word: string, find: Find<Node>): Promise<Node | undefined> {
  const { db } = call.context.database;
  const ident = toIdent('node', word);
  if (ident.uuid === undefined && call.minor < 5) return undefined;
  const found = await find(db, ident);
  // Until 1.90 a `.json` at the end is a wish for the format, unless a node is called so.
  if (found !== undefined || call.minor >= 91 || !word.endsWith('.json') || word === '.json') return found;
  return find(db, toIdent('node', word.slice(0, -'.json'.length)));
}

/** A node named in a body or a query: what is not there is then the client's mistake. */
export async function nodeNamed(call: Call, word: string): Promise<NodeDetail> {
  try {
    return await nodeFor(call, word);
  } catch (error) {
    if (error instanceof InventoryError && error.status === 404) throw new RequestRefused(400, error.message);
    throw error;
  }
}

/**
 * The project that a list is narrowed to; undefined: everything. As `GET /v1/nodes` without a rule to list all is for a
 * project a list of what is its own.
 */
export function listScope(call: Call, noun: string, asked?: string): string | undefined {
  if (call.allows(`${noun}:list_all`)) return asked;
  const own = call.actor.projectId;
  if (own === null || (asked !== undefined && asked !== own)) call.require(`${noun}:list_all`);
  call.require(`${noun}:list`);
  return own ?? undefined;
}
