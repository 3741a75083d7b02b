import { notFound } from './identity-error.ts';
import type { IdentityContext, Reader } from './identity-context.ts';
import { mustFindRecord } from './record-service.ts';
import { endpointGroupKind, endpointKind, policyKind, regionKind, serviceKind } from './record-kinds.ts';
import { mustFindProject } from './project-record.ts';
import { newId } from './identity-id.ts';
import { endpoints, endpointsOfGroup, type EndpointRecord } from './catalog-service.ts';
import { recordStore } from './store/record-store.ts';

/** What is linked to what: endpoints and groups of them to projects (OS-EP-FILTER), policies to endpoints (OS-ENDPOINT-POLICY). */
const tables = {
  endpoint: recordStore('identity_project_endpoint'),
  endpoint_group: recordStore('identity_project_endpoint_group'),
} as const;
export type Linked = keyof typeof tables;

const associations = recordStore('identity_policy_association');

const keyOf = (kind: Linked, id: string, projectId: string) => ({ project_id: projectId, [`${kind}_id`]: id });

async function mustHaveEnds(db: Reader, kind: Linked, id: string, projectId: string): Promise<void> {
  await mustFindRecord(db, kind === 'endpoint' ? endpointKind : endpointGroupKind, id);
  await mustFindProject(db, projectId);
}

export async function linkToProject(context: IdentityContext, kind: Linked, id: string, projectId: string): Promise<void> {
  await context.write(async (trx) => {
    await mustHaveEnds(trx, kind, id, projectId);
    await tables[kind].insertOnce(trx, keyOf(kind, id, projectId));
  });
}

export async function mustBeLinkedToProject(db: Reader, kind: Linked, id: string, projectId: string): Promise<void> {
  await mustHaveEnds(db, kind, id, projectId);
  if ((await tables[kind].find(db, keyOf(kind, id, projectId))) === undefined)
    throw notFound(kind.replace('_', ' '), `${id} in project ${projectId}`);
}

export async function unlinkFromProject(context: IdentityContext, kind: Linked, id: string, projectId: string): Promise<void> {
  await context.write(async (trx) => {
    if ((await tables[kind].remove(trx, keyOf(kind, id, projectId))) === 0)
      throw notFound(kind.replace('_', ' '), `${id} in project ${projectId}`);
  });
}

export async function projectIdsLinkedTo(db: Reader, kind: Linked, id: string): Promise<string[]> {
  return (await tables[kind].list<{ project_id: string }>(db, { [`${kind}_id`]: id })).map((link) => link.project_id);
}

export async function linkedToProject(db: Reader, kind: Linked, projectId: string): Promise<string[]> {
  return (await tables[kind].list<Record<string, string>>(db, { project_id: projectId })).map((link) => link[`${kind}_id`]!);
}

/** Directly, or by a group. */
export async function endpointsOfProject(db: Reader, projectId: string): Promise<EndpointRecord[]> {
  const all = await endpoints.list<EndpointRecord>(db);
  const own = await linkedToProject(db, 'endpoint', projectId);
  const found = new Set(all.filter((endpoint) => own.includes(endpoint.id)));
  for (const id of await linkedToProject(db, 'endpoint_group', projectId)) {
    const group = await mustFindRecord(db, endpointGroupKind, id);
    for (const endpoint of endpointsOfGroup(group as never, all)) found.add(endpoint);
  }
  return [...found];
}

/** A policy is for an endpoint, a service, or a service in a region. */
export interface PolicyPlace {
  readonly endpoint_id: string | null;
  readonly service_id: string | null;
  readonly region_id: string | null;
}

async function mustHavePlace(db: Reader, policyId: string, place: PolicyPlace): Promise<void> {
  await mustFindRecord(db, policyKind, policyId);
  if (place.endpoint_id !== null) await mustFindRecord(db, endpointKind, place.endpoint_id);
  if (place.service_id !== null) await mustFindRecord(db, serviceKind, place.service_id);
  if (place.region_id !== null) await mustFindRecord(db, regionKind, place.region_id);
}

const noAssociation = () => notFound('policy association', 'there is none');

/** One policy a place: a new one replaces it. */
export async function associatePolicy(context: IdentityContext, policyId: string, place: PolicyPlace): Promise<void> {
  await context.write(async (trx) => {
    await mustHavePlace(trx, policyId, place);
    await associations.remove(trx, { ...place });
    await associations.insert(trx, { id: newId(), policy_id: policyId, ...place });
  });
}

export async function mustBeAssociated(db: Reader, policyId: string, place: PolicyPlace): Promise<void> {
  await mustHavePlace(db, policyId, place);
  if ((await associations.find(db, { policy_id: policyId, ...place })) === undefined) throw noAssociation();
}

export async function dissociatePolicy(context: IdentityContext, policyId: string, place: PolicyPlace): Promise<void> {
  await context.write(async (trx) => {
    await mustHavePlace(trx, policyId, place);
    await associations.remove(trx, { policy_id: policyId, ...place });
  });
}

type Association = PolicyPlace & { readonly policy_id: string };

/** The closest: the endpoint's own, its service's in its region or one above, its service's. */
export async function policyIdOfEndpoint(db: Reader, endpointId: string): Promise<string> {
  const endpoint = (await mustFindRecord(db, endpointKind, endpointId)) as unknown as EndpointRecord;
  const all = await associations.list<Association>(db);
  const direct = all.find((one) => one.endpoint_id === endpointId);
  if (direct) return direct.policy_id;
  const ofService = all.filter((one) => one.service_id === endpoint.service_id);
  for (let region = endpoint.region_id; region !== null;) {
    const found = ofService.find((one) => one.region_id === region);
    if (found) return found.policy_id;
    region = (await mustFindRecord(db, regionKind, region))['parent_region_id'] as string | null;
  }
  const general = ofService.find((one) => one.region_id === null);
  if (general === undefined) throw noAssociation();
  return general.policy_id;
}

export async function endpointsOfPolicy(db: Reader, policyId: string): Promise<EndpointRecord[]> {
  await mustFindRecord(db, policyKind, policyId);
  const found: EndpointRecord[] = [];
  for (const endpoint of await endpoints.list<EndpointRecord>(db)) {
    if ((await policyIdOfEndpoint(db, endpoint.id).catch(() => undefined)) === policyId) found.push(endpoint);
  }
  return found;
}
