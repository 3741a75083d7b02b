import {
  addAssociation,
  createNamespace,
  createPart,
  deleteNamespace,
  deleteParts,
  getNamespace,
  getPart,
  listAssociations,
  listNamespaces,
  listParts,
  listResourceTypes,
  removeAssociation,
  requireUnprotected,
  updateNamespace,
  updatePart,
  type MetadefNamespace,
} from '../../images/metadef-service.ts';
import { validateJson, type JsonSchema } from '../json-schema.ts';
import { created, noContent, ok, Refusal, type Answer } from '../service-plugin.ts';
import { projectSeen } from './image-access.ts';
import { dbOf, type ImageCall, type ImageRoute } from './image-context.ts';
import { nextPage } from './image-list-query.ts';
import { timeView } from './image-view.ts';
import { associationSchema, namespaceSchema, objectSchema, propertySchema, tagSchema } from './metadef-body-schema.ts';
import { associationView, namespacePath, namespaceView, objectView, propertyView, tagView } from './metadef-view.ts';

/* The catalog of metadata definitions (api-ref "Metadata definitions"): everybody reads what is public, administrators write. */

/** @throws Refusal 400 */
function read<Body>(call: ImageCall, schema: JsonSchema): Body {
  const refusal = validateJson(schema, call.body ?? {});
  if (refusal !== undefined) throw new Refusal(400, `Provided object does not match schema: ${refusal.message}`);
  return call.body as Body;
}

interface NamespaceBody {
  readonly namespace: string;
  readonly display_name?: string;
  readonly description?: string;
  readonly visibility?: string;
  readonly protected?: boolean;
  readonly owner?: string;
  readonly resource_type_associations?: readonly AssociationBody[];
  readonly properties?: Record<string, object>;
  readonly objects?: readonly ObjectBody[];
  readonly tags?: readonly { readonly name: string }[];
}
interface AssociationBody {
  readonly name: string;
  readonly prefix?: string;
  readonly properties_target?: string;
}
interface ObjectBody {
  readonly name: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: object;
}

const columnsOf = (body: NamespaceBody) => ({
  namespace: body.namespace,
  display_name: body.display_name ?? null,
  description: body.description ?? null,
  ...(body.visibility === undefined ? {} : { visibility: body.visibility }),
  ...(body.protected === undefined ? {} : { protected: body.protected }),
});
const associationColumns = (namespace: string, body: AssociationBody) => ({
  namespace,
  resource_type: body.name,
  prefix: body.prefix ?? null,
  properties_target: body.properties_target ?? null,
});
const objectColumns = (body: ObjectBody) => ({
  name: body.name,
  description: body.description ?? null,
  required: JSON.stringify(body.required ?? []),
  properties: JSON.stringify(body.properties ?? {}),
});

/** The namespace of the path, when the caller sees it and, for `modify`, may change it. */
async function findNamespace(call: ImageCall, intent: 'see' | 'modify'): Promise<MetadefNamespace> {
  const row = await getNamespace(dbOf(call), call.params['namespace']!, projectSeen(call));
  call.require(intent === 'see' ? 'image:get_metadef_namespace' : 'image:modify_metadef', {
    project_id: row.owner,
    visibility: row.visibility,
  });
  return row;
}

async function createWhole(call: ImageCall): Promise<Answer> {
  call.require('image:modify_metadef');
  const body = read<NamespaceBody>(call, namespaceSchema);
  const properties = Object.entries(body.properties ?? {});
  for (const [name, schema] of properties) {
    const refusal = validateJson(propertySchema, { name, ...schema });
    if (refusal !== undefined) throw new Refusal(400, `Provided object does not match schema: ${refusal.message}`);
  }
  const owner = body.owner ?? call.actor.projectId ?? '';
  return dbOf(call)
    .transaction()
    .execute(async (trx) => {
      const row = await createNamespace(trx, { ...columnsOf(body), owner });
      const { namespace } = row;
      for (const one of body.resource_type_associations ?? []) await addAssociation(trx, associationColumns(namespace, one));
      for (const one of body.objects ?? []) await createPart(trx, 'metadef_object', { namespace, ...objectColumns(one) });
      for (const [name, schema] of properties)
        await createPart(trx, 'metadef_property', { namespace, name, schema: JSON.stringify(schema) });
      for (const { name } of body.tags ?? []) await createPart(trx, 'metadef_tag', { namespace, name });
      return created(await wholeView(trx, row), { location: `${call.base}${namespacePath(namespace)}` });
    });
}

/** Names of properties begin as those of the resource type do for which they are asked, when the namespace says how. */
async function wholeView(db: ReturnType<typeof dbOf>, row: MetadefNamespace, resourceType?: string | null): Promise<object> {
  const { namespace } = row;
  const associations = await listAssociations(db, [namespace]);
  const [objects, properties, tags] = [
    await listParts(db, 'metadef_object', namespace),
    await listParts(db, 'metadef_property', namespace),
    await listParts(db, 'metadef_tag', namespace),
  ];
  const prefix = associations.find((one) => one.resource_type === resourceType)?.prefix ?? '';
  const prefixed = (some: object) => Object.fromEntries(Object.entries(some).map(([name, value]) => [prefix + name, value]));
  return {
    ...namespaceView(row),
    ...(associations.length > 0 ? { resource_type_associations: associations.map(associationView) } : {}),
    ...(objects.length > 0
      ? {
          objects: objects.map(objectView).map((one) => ({
            ...one,
            properties: prefixed(one.properties as object),
            required: (one.required as string[]).map((name) => prefix + name),
          })),
        }
      : {}),
    ...(properties.length > 0 ? { properties: prefixed(Object.fromEntries(properties.map((one) => [one.name, propertyView(one)]))) } : {}),
    ...(tags.length > 0 ? { tags: tags.map(({ name }) => ({ name })) } : {}),
  };
}

const NAMESPACES_DEFAULT = 25;
const NAMESPACES_MAX = 1000;
const SORT_KEYS = ['created_at', 'updated_at', 'namespace'] as const;

async function list(call: ImageCall): Promise<Answer> {
  call.require('image:get_metadef_namespaces');
  const { query } = call;
  const [limit, sortKey, sortDir, visibility] = [
    query.get('limit') ?? String(NAMESPACES_DEFAULT),
    query.get('sort_key') ?? 'created_at',
    query.get('sort_dir') ?? 'desc',
    query.get('visibility'),
  ];
  if (!/^\d{1,9}$/.test(limit)) throw new Refusal(400, 'limit param must be an integer');
  const key = SORT_KEYS.find((one) => one === sortKey);
  if (key === undefined || (sortDir !== 'asc' && sortDir !== 'desc')) throw new Refusal(400, `Invalid sort: ${sortKey}, ${sortDir}`);
  if (visibility !== null && visibility !== 'public' && visibility !== 'private')
    throw new Refusal(400, `Invalid visibility value: ${visibility}`);
  const [marker, types] = [query.get('marker'), query.get('resource_types')];
  const count = Math.min(Number(limit), NAMESPACES_MAX);
  const rows = await listNamespaces(dbOf(call), {
    projectId: projectSeen(call),
    ...(visibility === null ? {} : { visibility }),
    ...(types === null ? {} : { resourceTypes: types.split(',') }),
    ...(marker === null ? {} : { marker }),
    limit: count,
    sortKey: key,
    descending: sortDir === 'desc',
  });
  const associations = Map.groupBy(
    await listAssociations(
      dbOf(call),
      rows.map((row) => row.namespace),
    ),
    (one) => one.namespace,
  );
  const last = rows.at(-1);
  return ok({
    namespaces: rows.map((row) => ({
      ...namespaceView(row),
      ...(associations.has(row.namespace) ? { resource_type_associations: associations.get(row.namespace)!.map(associationView) } : {}),
    })),
    first: '/v2/metadefs/namespaces',
    ...(last !== undefined && rows.length === count ? { next: nextPage('/v2/metadefs/namespaces', query, last.namespace) } : {}),
    schema: '/v2/schemas/metadefs/namespaces',
  });
}

const NAMESPACES = '/v2/metadefs/namespaces';
const NAMESPACE = `${NAMESPACES}/:namespace`;

export const metadefRoutes: readonly ImageRoute[] = [
  { method: 'POST', path: NAMESPACES, handle: createWhole },
  { method: 'GET', path: NAMESPACES, query: ['limit', 'marker', 'sort_key', 'sort_dir', 'visibility', 'resource_types'], handle: list },
  {
    method: 'GET',
    path: NAMESPACE,
    query: ['resource_type'],
    async handle(call) {
      return ok(await wholeView(dbOf(call), await findNamespace(call, 'see'), call.query.get('resource_type')));
    },
  },
  {
    method: 'PUT',
    path: NAMESPACE,
    async handle(call) {
      const body = read<NamespaceBody>(call, namespaceSchema);
      const { namespace } = await findNamespace(call, 'modify');
      const owner = body.owner === undefined ? {} : { owner: body.owner };
      return ok(namespaceView(await updateNamespace(dbOf(call), namespace, { ...columnsOf(body), ...owner })));
    },
  },
  {
    method: 'DELETE',
    path: NAMESPACE,
    async handle(call) {
      const { namespace } = await findNamespace(call, 'modify');
      await deleteNamespace(dbOf(call), namespace);
      return noContent;
    },
  },
  {
    method: 'GET',
    path: '/v2/metadefs/resource_types',
    async handle(call) {
      call.require('image:list_metadef_resource_types');
      const types = await listResourceTypes(dbOf(call));
      return ok({
        resource_types: types.map((one) => ({
          name: one.name,
          created_at: timeView(one.created_at),
          updated_at: timeView(one.updated_at),
        })),
      });
    },
  },
  {
    method: 'GET',
    path: `${NAMESPACE}/resource_types`,
    async handle(call) {
      const { namespace } = await findNamespace(call, 'see');
      return ok({ resource_type_associations: (await listAssociations(dbOf(call), [namespace])).map(associationView) });
    },
  },
  {
    method: 'POST',
    path: `${NAMESPACE}/resource_types`,
    async handle(call) {
      const body = read<AssociationBody>(call, associationSchema);
      const { namespace } = await findNamespace(call, 'modify');
      return created(associationView(await addAssociation(dbOf(call), associationColumns(namespace, body))));
    },
  },
  {
    method: 'DELETE',
    path: `${NAMESPACE}/resource_types/:name`,
    async handle(call) {
      const row = await findNamespace(call, 'modify');
      requireUnprotected(row);
      await removeAssociation(dbOf(call), row.namespace, call.params['name']!);
      return noContent;
    },
  },
  ...partRoutes('objects', 'metadef_object', objectView, objectSchema, objectColumns),
  ...partRoutes('properties', 'metadef_property', propertyView, propertySchema, ({ name, ...schema }: { name: string }) => ({
    name,
    schema: JSON.stringify(schema),
  })),
  ...tagRoutes(),
];

type PartTable = 'metadef_object' | 'metadef_property';

/** The routes of what hangs on a namespace by name. */
function partRoutes<Row, Body>(
  noun: string,
  table: PartTable,
  view: (row: Row) => object,
  schema: JsonSchema,
  columns: (body: Body) => { name: string },
): ImageRoute[] {
  const path = `${NAMESPACE}/${noun}`;
  return [
    {
      method: 'GET',
      path,
      async handle(call) {
        const { namespace } = await findNamespace(call, 'see');
        const rows = (await listParts(dbOf(call), table, namespace)) as Row[];
        if (table === 'metadef_property')
          return ok({ properties: Object.fromEntries(rows.map((row) => [(row as { name: string }).name, view(row)])) });
        return ok({ [noun]: rows.map(view), first: `${namespacePath(namespace)}/${noun}`, schema: `/v2/schemas/metadefs/${noun}` });
      },
    },
    {
      method: 'POST',
      path,
      async handle(call) {
        const body = read<Body>(call, schema);
        const { namespace } = await findNamespace(call, 'modify');
        return created(view((await createPart(dbOf(call), table, { namespace, ...columns(body) } as never)) as Row));
      },
    },
    {
      method: 'DELETE',
      path,
      async handle(call) {
        const row = await findNamespace(call, 'modify');
        requireUnprotected(row);
        await deleteParts(dbOf(call), table, row.namespace);
        return noContent;
      },
    },
    {
      method: 'GET',
      path: `${path}/:name`,
      async handle(call) {
        const { namespace } = await findNamespace(call, 'see');
        return ok(view((await getPart(dbOf(call), table, namespace, call.params['name']!)) as Row));
      },
    },
    {
      method: 'PUT',
      path: `${path}/:name`,
      async handle(call) {
        const body = read<Body>(call, schema);
        const { namespace } = await findNamespace(call, 'modify');
        return ok(view((await updatePart(dbOf(call), table, namespace, call.params['name']!, columns(body))) as Row));
      },
    },
    {
      method: 'DELETE',
      path: `${path}/:name`,
      async handle(call) {
        const row = await findNamespace(call, 'modify');
        requireUnprotected(row);
        await deleteParts(dbOf(call), table, row.namespace, call.params['name']!);
        return noContent;
      },
    },
  ];
}

/** Tags are made by their path, or many at once. */
function tagRoutes(): ImageRoute[] {
  const path = `${NAMESPACE}/tags`;
  const named = (call: ImageCall): string => {
    const name = call.params['name']!;
    if (name.length > 80) throw new Refusal(400, 'A tag has at most 80 characters.');
    return name;
  };
  return [
    {
      method: 'GET',
      path,
      async handle(call) {
        const { namespace } = await findNamespace(call, 'see');
        const tags = await listParts(dbOf(call), 'metadef_tag', namespace);
        return ok({
          tags: tags.map(({ name }) => ({ name })),
          first: `${namespacePath(namespace)}/tags`,
          schema: '/v2/schemas/metadefs/tags',
        });
      },
    },
    {
      method: 'POST',
      path,
      async handle(call) {
        const { tags } = read<{ tags: { name: string }[] }>(call, {
          type: 'object',
          properties: { tags: { type: 'array', items: tagSchema } },
          required: ['tags'],
        });
        const { namespace } = await findNamespace(call, 'modify');
        const names = tags.map(({ name }) => name);
        if (new Set(names).size < names.length)
          throw new Refusal(409, `A metadata definition tag is given twice for namespace=${namespace}.`);
        await dbOf(call)
          .transaction()
          .execute(async (trx) => {
            if (call.headers['x-openstack-append']?.toString().toLowerCase() !== 'true') await deleteParts(trx, 'metadef_tag', namespace);
            for (const name of names) await createPart(trx, 'metadef_tag', { namespace, name });
          });
        return created({ tags: names.map((name) => ({ name })) });
      },
    },
    {
      method: 'DELETE',
      path,
      async handle(call) {
        const row = await findNamespace(call, 'modify');
        requireUnprotected(row);
        await deleteParts(dbOf(call), 'metadef_tag', row.namespace);
        return noContent;
      },
    },
    {
      method: 'GET',
      path: `${path}/:name`,
      async handle(call) {
        const { namespace } = await findNamespace(call, 'see');
        return ok(tagView(await getPart(dbOf(call), 'metadef_tag', namespace, named(call))));
      },
    },
    {
      method: 'POST',
      path: `${path}/:name`,
      async handle(call) {
        const name = named(call);
        const { namespace } = await findNamespace(call, 'modify');
        return created(tagView(await createPart(dbOf(call), 'metadef_tag', { namespace, name })));
      },
    },
    {
      method: 'PUT',
      path: `${path}/:name`,
      async handle(call) {
        const { name } = read<{ name: string }>(call, tagSchema);
        const { namespace } = await findNamespace(call, 'modify');
        return ok(tagView(await updatePart(dbOf(call), 'metadef_tag', namespace, named(call), { name })));
      },
    },
    {
      method: 'DELETE',
      path: `${path}/:name`,
      async handle(call) {
        const row = await findNamespace(call, 'modify');
        requireUnprotected(row);
        await deleteParts(dbOf(call), 'metadef_tag', row.namespace, named(call));
        return noContent;
      },
    },
  ];
}
