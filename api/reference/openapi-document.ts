import type { JsonObject } from '../../core/base/json.ts';
import type { ApiOperation } from './operation-list.ts';

/*
 * The API as OpenAPI 3.1 (spec.openapis.org/oas/v3.1.1), from the route tables alone: what is served is what is described.
 * The forms of bodies are OpenStack's own and are told by its API references.
 */
export function openApiDocument(operations: readonly ApiOperation[], version: string): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const operation of operations.toSorted(byPathAndMethod)) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Rackwright',
      version,
      description: 'The OpenStack APIs of a bare-metal-first cloud: identity, bare metal, images, objects, networks and placement.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(operations.map(tagOf))].sort().map((name) => ({ name })),
    paths: paths as unknown as JsonObject,
    components: {
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token', description: 'Of POST /v3/auth/tokens.' },
        administrator: { type: 'http', scheme: 'basic', description: "The installation's administrator." },
      },
    },
  };
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const byPathAndMethod = (a: ApiOperation, b: ApiOperation) =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : METHODS.indexOf(a.method) - METHODS.indexOf(b.method);

/** Service and noun: `Bare Metal v1: nodes`. */
export const tagOf = ({ service, path }: ApiOperation): string => `${service}: ${nounsOf(path)[0] ?? 'root'}`;

const nounsOf = (path: string): string[] =>
  path
    .replace(/^\/(v1|v3|baremetal\/v1|image\/v2|networking\/v2\.0|placement)(?=\/|$)/, '')
    .split('/')
    .filter((part) => part !== '' && !part.startsWith('{'));

const parametersOf = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);

const VERBS: Readonly<Record<string, readonly [ofCollection: string, ofItem: string]>> = {
  GET: ['List', 'Show'],
  HEAD: ['Check', 'Check'],
  POST: ['Create in', 'Act on'],
  PUT: ['Set', 'Set'],
  PATCH: ['Change', 'Change'],
  DELETE: ['Delete', 'Delete'],
};

export function summaryOf({ method, path }: ApiOperation): string {
  const nouns = nounsOf(path).map((noun) => noun.replaceAll('_', ' '));
  const isItem = path.endsWith('}');
  const [ofCollection, ofItem] = VERBS[method]!;
  const owner = nouns.length > 1 ? ` (${nouns.slice(0, -1).join(' / ')})` : '';
  return `${isItem ? ofItem : ofCollection} ${isItem ? 'one of ' : ''}${nouns.at(-1) ?? 'the service'}${owner}`;
}

function describe(operation: ApiOperation): JsonObject {
  const { method, path, query, since, needsLogin } = operation;
  const parameters = [
    ...parametersOf(path).map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...query.map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
    ...(operation.service === 'Bare Metal v1'
      ? [{ name: 'X-OpenStack-Ironic-API-Version', in: 'header', schema: { type: 'string', examples: ['1.82', 'latest'] } }]
      : []),
  ];
  const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  return {
    operationId: `${method.toLowerCase()} ${path}`,
    summary: summaryOf(operation),
    tags: [tagOf(operation)],
    ...(since === undefined ? {} : { 'x-openstack-min-microversion': since, description: `Since microversion ${since}.` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(hasBody ? { requestBody: { content: { 'application/json': { schema: {} } } } } : {}),
    security: needsLogin ? [{ token: [] }, { administrator: [] }] : [],
    responses: {
      '2XX': { description: 'Done, or accepted.' },
      '4XX': { description: "Refused; the body says why, in the service's own form." },
    },
  };
}
