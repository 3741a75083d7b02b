import { interfaceOf, unsupported } from '../../inventory/driver-table.ts';
import { RequestRefused } from './baremetal-error.ts';
import { accepted, ok, type Answer, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { nodeFor } from './node-access.ts';
import { short } from './query-values.ts';

/** Vendor passthru of nodes: only fake hardware has methods, the examples of Ironic's driver of that name. */
interface Passthru {
  readonly word: string;
  readonly isAsync: boolean;
  readonly needsLock: boolean;
}
const FAKE_METHODS: Readonly<Record<string, Passthru>> = {
  second_method: { word: 'kazoo', isAsync: true, needsLock: true },
  third_method_sync: { word: 'meow', isAsync: false, needsLock: true },
  fourth_method_shared_lock: { word: 'woof', isAsync: true, needsLock: false },
};

async function methods(call: Call): Promise<Answer> {
  const node = await nodeFor(call, call.params['node']!, 'node:vendor_passthru');
  if (interfaceOf(node, 'vendor') !== 'fake') return ok({});
  return ok(
    Object.fromEntries(
      Object.entries(FAKE_METHODS).map(([name, { word, isAsync, needsLock }]) => [
        name,
        {
          async: isAsync,
          attach: false,
          description: `Test if the value of bar is ${word}`,
          http_methods: ['POST'],
          require_exclusive_lock: needsLock,
        },
      ]),
    ),
  );
}

async function invoke(call: Call, httpMethod: string): Promise<Answer> {
  const node = await nodeFor(call, call.params['node']!, 'node:vendor_passthru');
  const name = call.query['method'] ?? '';
  if (name === '') throw new RequestRefused(400, 'Method not specified');
  const method = interfaceOf(node, 'vendor') === 'fake' && Object.hasOwn(FAKE_METHODS, name) ? FAKE_METHODS[name] : undefined;
  if (method === undefined) throw new RequestRefused(400, unsupported(node.driver, `vendor passthru method ${short(name)}`));
  if (httpMethod !== 'POST') throw new RequestRefused(400, `The method ${name} does not support HTTP ${httpMethod}`);
  const bar = (call.body as { bar?: unknown } | undefined)?.bar;
  if (bar === undefined) throw new RequestRefused(400, `Parameter 'bar' not passed to method '${name}'.`);
  return method.isAsync ? accepted() : ok(bar === method.word);
}

export const vendorRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/vendor_passthru/methods', handle: methods },
  ...(['GET', 'POST', 'PUT', 'DELETE'] as const).map((method): BaremetalRoute => ({
    method,
    path: '/nodes/:node/vendor_passthru',
    query: ['method'],
    handle: (call) => invoke(call, method),
  })),
];
