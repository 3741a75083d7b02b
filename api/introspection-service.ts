import { introspectionRoutes } from './introspection/introspection-routes.ts';
import { ruleRoutes } from './introspection/rule-routes.ts';
import { negotiate, versionRoutes } from './introspection/version.ts';
import type { ApiContext } from './baremetal/api-context.ts';
import { InventoryError } from '../inventory/node-record.ts';
import { Refusal, type Service } from './service-plugin.ts';

/*
 * ironic-inspector's API v1 for clients of that age: a view over our inspections. What its ramdisk posts (`/v1/continue`) is not
 * taken: our agent shows a boot token for what it tells.
 */
const BODY_BYTES_MAX = 2 ** 20;

export const introspectionService: Service<ApiContext> = {
  type: 'baremetal-introspection',
  name: 'ironic-inspector',
  title: 'Bare Metal Introspection v1',
  prefix: '/baremetal-introspection',
  bodyBytesMax: BODY_BYTES_MAX,
  routes: [...versionRoutes, ...introspectionRoutes, ...ruleRoutes],
  negotiate,
  errorBody: ({ message }) => ({ body: { error: { message } } }),
  explain: (error) => (error instanceof InventoryError ? new Refusal(error.status, error.message) : undefined),
};
