import { readCreate, readUpdate } from '../../network/attribute-policy.ts';
import { createRows, deleteOne, listOf, mustShow, updateOne } from '../../network/resource-service.ts';
import type { Resource, Values } from '../../network/resource.ts';
import { noContent, Refusal, type Answer, type ServiceRoute } from '../service-plugin.ts';
import { pageLinks, readFields, readListQuery } from './list-query.ts';
import {
  actorOf,
  isAllowed,
  ownerTarget,
  requireAttributes,
  requireChange,
  ruleName,
  showRow,
  targetOf,
  visibleNames,
  type NetworkCall,
  type NetworkContext,
} from './network-access.ts';

/** The five routes of every noun. */
export type NetworkRoute = ServiceRoute<NetworkContext>;

export const VERSION = '/v2.0';
const LIST_QUERY = ['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse'];

export const pathOf = (resource: Resource): string =>
  resource.parent === undefined
    ? `${VERSION}${resource.path}`
    : `${VERSION}${resource.parent.resource.path}/:${resource.parent.parameter}${resource.path}`;

export function resourceRoutes(resource: Resource): NetworkRoute[] {
  const path = pathOf(resource);
  const one = `${path}/:id`;
  const spelled = (of: string) => {
    // Neutron takes a collection's name with either stroke.
    const other = [of.replaceAll(/(?<=\/[a-z_]*)_/g, '-'), of.replaceAll('-', '_')].filter((each) => each !== of);
    return { path: of, also: [...new Set(other)] };
  };
  const filters = Object.entries(resource.attributes).flatMap(([name, each]) => (each.filter ? [name] : []));
  return [
    ...(resource.unlisted === true
      ? []
      : [
          {
            method: 'GET' as const,
            ...spelled(path),
            query: [...LIST_QUERY, ...filters],
            handle: (call: NetworkCall) => list(call, resource),
          },
        ]),
    { method: 'GET', ...spelled(one), query: ['fields'], handle: (call) => show(call, resource) },
    ...(resource.verbs.includes('create')
      ? [{ method: 'POST' as const, ...spelled(path), handle: (call: NetworkCall) => create(call, resource) }]
      : []),
    ...(resource.verbs.includes('update')
      ? [{ method: 'PUT' as const, ...spelled(one), handle: (call: NetworkCall) => update(call, resource) }]
      : []),
    ...(resource.verbs.includes('delete')
      ? [{ method: 'DELETE' as const, ...spelled(one), handle: (call: NetworkCall) => remove(call, resource) }]
      : []),
  ];
}

export interface SeenParent {
  readonly id: string | undefined;
  readonly projectId: string | undefined;
  readonly target: Values;
}

/** The noun above, as far as this caller sees it. @throws its "not found" */
export async function parentOf(call: NetworkCall, resource: Resource): Promise<SeenParent> {
  if (resource.parent === undefined) return { id: undefined, projectId: undefined, target: {} };
  const id = call.params[resource.parent.parameter]!;
  const { row } = await mustShow(call.context.db, actorOf(call), resource.parent.resource, id).catch((error: unknown) => {
    // Who could make one under no parent at all is told that first; whoever changes something is told that it is not there.
    if (call.method === 'POST') requireMaker(call, resource);
    throw error;
  });
  return {
    id: row.id,
    projectId: row.project_id,
    target: { 'ext_parent:project_id': row.project_id, 'ext_parent:tenant_id': row.project_id, project_id: row.project_id },
  };
}

function requireMaker(call: NetworkCall, resource: Resource): void {
  const own = { project_id: call.actor.projectId, 'ext_parent:project_id': call.actor.projectId };
  const rule = ruleName(resource, 'create');
  if (!call.allows(rule, own)) throw new Refusal(403, `${rule} is disallowed by policy`, { type: 'PolicyNotAuthorized' });
}

export async function list(call: NetworkCall, resource: Resource, where?: string): Promise<Answer> {
  const asked = readListQuery(resource, call.query);
  const parent = await parentOf(call, resource);
  const actor = actorOf(call);
  const visible = visibleNames(call, resource);
  const own = targetOf({ project_id: actor.projectId ?? '' }, { ...parent.target, ...ofOwn(resource, actor.projectId) });
  if (!call.allows(ruleName(resource, 'get'), own)) return json(`{"${resource.collection}":[]}`);
  const names = visible.names.filter((name) => asked.fields === undefined || asked.fields.has(name));
  const needed = visible.perRow.length > 0 ? [...new Set([...names, 'project_id'])] : names;
  const page = await listOf(call.context.db, actor, resource, {
    ...asked,
    names: needed.length === 0 ? [resource.key ?? 'id'] : needed,
    ...(parent.id === undefined ? {} : { parentId: parent.id }),
    ...(where === undefined ? {} : { where }),
  });
  const links = pageLinks(
    `${call.base}${pathOf(resource).replace(/:(\w+)/g, (_all, name: string) => call.params[name]!)}${queryOf(call)}`,
    asked,
    page,
  );
  const told = links.length === 0 ? '' : `,"${resource.collection}_links":${JSON.stringify(links)}`;
  return json(`{"${resource.collection}":${rowsOf(call, resource, page.json, visible, asked.fields, needed.length === 0)}${told}}`);
}

/** A rule over the owner's project is asked as if it were the caller's: rows of others are left out by what the caller sees. */
const ofOwn = (resource: Resource, projectId: string | null): Values =>
  resource.owner === undefined ? {} : { [`${resource.owner.prefix}:project_id`]: projectId };
const queryOf = (call: NetworkCall) => (call.url.includes('?') ? call.url.slice(call.url.indexOf('?')) : '');
const json = (text: string): Answer => ({ status: 200, body: text, headers: { 'content-type': 'application/json' } });

function rowsOf(
  call: NetworkCall,
  resource: Resource,
  text: string,
  visible: ReturnType<typeof visibleNames>,
  fields: ReadonlySet<string> | undefined,
  isEmpty: boolean,
): string {
  if (visible.perRow.length === 0 && !isEmpty) return text;
  const rows = JSON.parse(text) as never[];
  return JSON.stringify(isEmpty ? rows.map(() => ({})) : rows.map((row) => showRow(call, resource, row, visible, fields)));
}

async function show(call: NetworkCall, resource: Resource): Promise<Answer> {
  const fields = readFields(call.query);
  const parent = await parentOf(call, resource);
  const actor = actorOf(call);
  const { row, json: text } = await mustShow(call.context.db, actor, resource, call.params['id']!, parent.id);
  const owned = resource.parent === undefined ? row : { ...row, project_id: parent.projectId };
  if (!(await isAllowed(call, call.context.db, resource, ruleName(resource, 'get'), owned, parent.target)))
    throw resource.notFound(call.params['id']!, parent.id);
  const visible = visibleNames(call, resource);
  const isWhole = fields === undefined && visible.perRow.length === 0 && visible.names.length === Object.keys(row).length;
  return json(`{"${resource.member}":${isWhole ? text : JSON.stringify(showRow(call, resource, row, visible, fields))}}`);
}

async function create(call: NetworkCall, resource: Resource): Promise<Answer> {
  const { items, isBulk } = readItems(resource, call.body);
  const parent = await parentOf(call, resource);
  const actor = actorOf(call);
  const { db } = call.context;
  const asked: Values[] = [];
  const owners = new Map<unknown, Values>();
  for (const item of items) {
    const given = readCreate(resource, item, actor, parent.projectId);
    const values = resource.parent === undefined ? given : { ...given, [resource.parent.column]: parent.id };
    const ownerId = resource.owner === undefined ? undefined : values[resource.owner.attribute];
    if (!owners.has(ownerId)) owners.set(ownerId, await ownerTarget(call, db, resource, values));
    const target = targetOf(values, {
      ...parent.target,
      ...owners.get(ownerId),
      ...(parent.id === undefined ? {} : { project_id: parent.projectId }),
    });
    await requireCreate(call, resource, values, target);
    asked.push(values);
  }
  const rows = await createRows(db, actor, resource, asked, parent.id);
  const visible = visibleNames(call, resource);
  const shown = rows.map((row) => showRow(call, resource, row, visible));
  return { status: 201, body: isBulk ? { [resource.collection]: shown } : { [resource.member]: shown[0] } };
}

async function requireCreate(call: NetworkCall, resource: Resource, values: Values, target: Values): Promise<void> {
  const rule = ruleName(resource, 'create');
  const { owner } = resource;
  const known = Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(resource.attributes, name)));
  if (!call.allows(rule, target)) {
    const above = owner === undefined ? undefined : values[owner.attribute];
    if (typeof above === 'string') await mustShow(call.context.db, actorOf(call), owner!.resource(), above);
    throw new Refusal(403, `${rule} is disallowed by policy`, { type: 'PolicyNotAuthorized' });
  }
  requireAttributes(call, resource, 'create', known, target);
}

const BULK_MOST = 1000;

function readItems(resource: Resource, body: unknown): { items: Values[]; isBulk: boolean } {
  const { member, collection } = resource;
  const given = body as Values | undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refuse('Resource body required');
  if (!(collection in given) || member in given) return { items: [objectOf(given[member], member)], isBulk: false };
  const items = given[collection];
  if (!Array.isArray(items) || items.length === 0) throw refuse('Resource body required');
  if (items.length > BULK_MOST) throw refuse(`More than ${BULK_MOST} ${collection} in one request`);
  return { items: items.map((item: unknown) => objectOf((item as Values | null)?.[member] ?? item, member)), isBulk: true };
}

function objectOf(value: unknown, member: string): Values {
  if (value === undefined) throw refuse(`Unable to find '${member}' in request body`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(`'${member}' in the request body is not an object`);
  return value as Values;
}

const refuse = (message: string) => new Refusal(400, message, { type: 'HTTPBadRequest' });

async function update(call: NetworkCall, resource: Resource): Promise<Answer> {
  const given = objectOf((call.body as Values | undefined)?.[resource.member], resource.member);
  const parent = await parentOf(call, resource);
  const values = readUpdate(resource, given);
  const change = { key: call.params['id']!, parentId: parent.id, revision: readRevision(call), values };
  const row = await updateOne(call.context.db, actorOf(call), resource, change, async (before, trx) => {
    await requireChange(call, trx, resource, 'update', before, parent.target);
    const owner = await ownerTarget(call, trx, resource, before);
    requireAttributes(call, resource, 'update', values, targetOf({ ...before, ...values }, { ...owner, ...parent.target }));
  });
  return { status: 200, body: { [resource.member]: showRow(call, resource, row, visibleNames(call, resource)) } };
}

async function remove(call: NetworkCall, resource: Resource): Promise<Answer> {
  const parent = await parentOf(call, resource);
  const change = { key: call.params['id']!, parentId: parent.id, revision: readRevision(call) };
  await deleteOne(call.context.db, actorOf(call), resource, change, (row, trx) =>
    requireChange(call, trx, resource, 'delete', row, parent.target),
  );
  return noContent;
}

/** `If-Match: revision_number=4` */
function readRevision(call: NetworkCall): number | undefined {
  const tags = [...(call.headers['if-match'] ?? '').matchAll(/revision_number=([^",\s]*)/g)].map((match) => match[1]!);
  if (tags.length > 1) throw refuse('Bad if-match request: Multiple revision_number etags are not supported.');
  if (tags.length === 0) return undefined;
  if (!/^-?\d{1,9}$/.test(tags[0]!))
    throw refuse('Bad if-match request: Revision number etag must be in the format of revision_number=<int>.');
  return Number(tags[0]);
}
