import { RESOURCES } from '../../network/resources.ts';
import { ok, type Service } from '../service-plugin.ts';
import { actionRoutes } from './action-routes.ts';
import type { NetworkContext } from './network-access.ts';
import { explainNetworkError, networkErrorBody } from './network-error-view.ts';
import { qosTypeRoutes } from './qos-type-routes.ts';
import { resourceRoutes, VERSION, type NetworkRoute } from './resource-routes.ts';
import { settingRoutes } from './setting-routes.ts';
import { tagRoutes } from './tag-routes.ts';

/** Network v2.0 in Neutron's forms. */
const BODY_BYTES_MAX = 4 * 2 ** 20;

const versionOf = (base: string) => ({ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${base}${VERSION}/` }] });

const resourceList = (base: string) => ({
  resources: RESOURCES.filter((resource) => resource.parent === undefined && resource.unlisted !== true).map((resource) => ({
    name: resource.member,
    collection: resource.collection,
    links: [{ rel: 'self', href: `${base}${VERSION}${resource.path}` }],
  })),
});

const versionRoutes: readonly NetworkRoute[] = [
  { method: 'GET', path: '/', open: true, handle: async (call) => ok({ versions: [versionOf(call.base)] }) },
  ...[VERSION, `${VERSION}/`].map((path): NetworkRoute => ({
    method: 'GET',
    path,
    open: true,
    handle: async (call) => ok(resourceList(call.base)),
  })),
];

export const networkRoutes: readonly NetworkRoute[] = [
  ...versionRoutes,
  ...RESOURCES.flatMap(resourceRoutes),
  ...actionRoutes,
  ...tagRoutes,
  ...settingRoutes,
  ...qosTypeRoutes,
];

export const networkService: Service<NetworkContext> = {
  type: 'network',
  name: 'neutron',
  title: 'Network v2.0',
  prefix: '/networking',
  bodyBytesMax: BODY_BYTES_MAX,
  routes: networkRoutes,
  errorBody: networkErrorBody,
  explain: explainNetworkError,
};
