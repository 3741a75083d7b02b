import { baremetalRoutes } from '../baremetal/baremetal-server.ts';
import { identityRoutes } from '../identity/identity-server.ts';
import { SERVICES } from '../services.ts';

/** An operation of any of the services, as their route tables have it. */
export interface ApiOperation {
  readonly service: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the server's root, parameters as `{name}`. */
  readonly path: string;
  readonly query: readonly string[];
  /** The microversion that brought it, where the service has them. */
  readonly since?: string;
  readonly needsLogin: boolean;
}

/** `:name` of the router, with or without a pattern behind it. */
const templated = (path: string): string => path.replace(/:(\w+)(\([^)]*\))?/g, '{$1}').replace(/\*$/, '{path}');

type Described = ApiOperation['method'];
/** OpenAPI 3.1 has no word for COPY, and OPTIONS is the browsers' own. */
const isDescribed = <Route extends { readonly method: string }>(route: Route): route is Route & { readonly method: Described } =>
  route.method !== 'COPY' && route.method !== 'OPTIONS';

export const apiOperations = (): readonly ApiOperation[] => [
  ...identityRoutes.map((route) => ({
    service: 'Identity v3',
    method: route.method,
    path: templated(`/v3${route.path.replace(/^\/v3(?=\/|$)/, '')}`),
    query: [],
    needsLogin: route.open !== true,
  })),
  ...baremetalRoutes.map((route) => ({
    service: 'Bare Metal v1',
    method: route.method,
    path: templated(`/baremetal/v1${route.path}`),
    query: route.query ?? [],
    needsLogin: true,
    ...(route.since === undefined ? {} : { since: `1.${route.since}` }),
  })),
  ...SERVICES.flatMap(({ title, prefix, routes }) =>
    routes.filter(isDescribed).map((route) => ({
      service: title,
      method: route.method,
      path: templated(`${prefix}${route.path}`),
      query: route.query ?? [],
      needsLogin: route.open !== true,
      ...(route.since === undefined ? {} : { since: `1.${route.since}` }),
    })),
  ),
];
