import { readCreate } from '../../network/attribute-policy.ts';
import { createRows, listOf, shownNames } from '../../network/resource-service.ts';
import type { NetworkActor, Resource, Row, Values } from '../../network/resource.ts';
import { dbOf, gone, type ComputeCall, type ComputeRoute } from './compute-context.ts';

/** Nouns of other services as compute showed them until their own APIs were everywhere (api-ref, "until 2.35"). */
export const PROXIES_UNTIL = 35;

export const until = (minor: number, route: ComputeRoute): ComputeRoute => ({
  ...route,
  async handle(call) {
    if (call.minor > minor) throw gone();
    return route.handle(call);
  },
});

/** The caller's own things; an administrator sees those of all projects where that is asked for. */
export const networkActor = ({ actor }: ComputeCall, seesAll = false): NetworkActor => ({
  projectId: actor.projectId,
  seesAll: seesAll && actor.roles.includes('admin'),
});

export async function listProxied(
  call: ComputeCall,
  resource: Resource,
  filters: Readonly<Record<string, readonly string[]>>,
  seesAll = false,
): Promise<Row[]> {
  const { json } = await listOf(dbOf(call), networkActor(call, seesAll), resource, {
    filters: new Map(Object.entries(filters)),
    names: shownNames(resource),
    sorts: [],
  });
  return JSON.parse(json) as Row[];
}

export async function createProxied(call: ComputeCall, resource: Resource, values: Values): Promise<Row> {
  const actor = networkActor(call, true);
  const [row] = await createRows(dbOf(call), actor, resource, [readCreate(resource, values, actor)]);
  return row!;
}
