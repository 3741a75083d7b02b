import { z } from 'zod';
import { isTrait } from '../../core/base/trait-names.ts';
import { addTrait, removeTrait, setTraits } from '../../inventory/trait-service.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { trait } from './body-shapes.ts';
import { nodeFor } from './node-access.ts';
import { short } from './query-values.ts';

/** Traits of a node, since 1.37. */
const read = { since: 37, before: 406 } as const;
const write = { since: 37, before: 405 } as const;
const removal = { since: 37 } as const;
const inTransaction = (call: Call) => call.context.database.db.transaction();
const HOW =
  'A single node trait may be added via PUT /v1/nodes/<node identifier>/traits/<trait> with no body, or all node traits may be replaced via PUT /v1/nodes/<node identifier>/traits with the list of traits specified in the request body.';

export const traitRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/traits', ...read, handle: async (call) => ok({ traits: (await nodeOf(call, 'list')).traits }) },
  { method: 'PUT', path: '/nodes/:node/traits', ...write, handle: setAll },
  { method: 'PUT', path: '/nodes/:node/traits/:trait', ...write, handle: addOne },
  {
    method: 'DELETE',
    path: '/nodes/:node/traits',
    ...removal,
    async handle(call) {
      const node = await nodeOf(call, 'delete');
      await inTransaction(call).execute((trx) => setTraits(trx, node.uuid, []));
      return noContent();
    },
  },
  {
    method: 'DELETE',
    path: '/nodes/:node/traits/:trait',
    ...removal,
    async handle(call) {
      const node = await nodeOf(call, 'delete');
      await inTransaction(call).execute((trx) => removeTrait(trx, node.uuid, call.params['trait']!));
      return noContent();
    },
  },
];

const nodeOf = (call: Call, verb: string) => nodeFor(call, call.params['node']!, `node:traits:${verb}`);

async function setAll(call: Call) {
  const node = await nodeOf(call, 'set');
  const { traits } = z.strictObject({ traits: z.array(trait).optional() }).parse(call.body ?? {});
  if (traits === undefined) throw new RequestRefused(400, HOW);
  await inTransaction(call).execute((trx) => setTraits(trx, node.uuid, traits));
  return noContent();
}

async function addOne(call: Call) {
  const name = call.params['trait']!;
  const node = await nodeOf(call, 'set');
  if (!isTrait(name)) throw new RequestRefused(400, `Schema error for trait: '${short(name)}' is neither a standard trait nor CUSTOM_…`);
  if (call.body !== undefined && JSON.stringify(call.body) !== '{}')
    throw new RequestRefused(400, 'No body should be provided when adding a trait');
  await inTransaction(call).execute((trx) => addTrait(trx, node.uuid, name));
  return noContent(`${call.base}/v1/nodes/${call.params['node']!}/traits/${name}`);
}
