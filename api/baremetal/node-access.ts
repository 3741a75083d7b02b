import { findNodeDetail, type NodeDetail } from '../../inventory/node-detail-store.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import { nodeTarget } from './baremetal-policy.ts';
import type { Call } from './baremetal-route.ts';
import { toIdent } from './query-values.ts';

/** From the word in a path to a node that the caller may see, and do this with. */
export async function nodeFor(call: Call, word: string, ...rules: readonly string[]): Promise<NodeDetail> {
  const node = await findByWord(call, word);
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

async function findByWord(call: Call, word: string): Promise<NodeDetail | undefined> {
  const { db } = call.context.database;
  const ident = toIdent('node', word);
  if (ident.uuid === undefined && call.minor < 5) return undefined;
  const found = await findNodeDetail(db, ident);
  // Until 1.90 a `.json` at the end is a wish for the format, unless a node is called so.
  if (found !== undefined || call.minor >= 91 || !word.endsWith('.json') || word === '.json') return found;
  return findNodeDetail(db, toIdent('node', word.slice(0, -'.json'.length)));
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
