import { createHash } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import type { IdentityContext } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';

/** The list of services and addresses that a token carries. */
export interface CatalogEntry {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly endpoints: readonly {
    readonly id: string;
    readonly interface: string;
    readonly region: string | null;
    readonly region_id: string | null;
    readonly url: string;
  }[];
}

export type ServiceRecord = Selectable<IdentityTables['identity_service']>;
export type EndpointRecord = Selectable<IdentityTables['identity_endpoint']>;
type EndpointGroupRecord = Selectable<IdentityTables['identity_endpoint_group']>;

export const services = recordStore('identity_service');
export const endpoints = recordStore('identity_endpoint');
const regions = recordStore('identity_region');

/** A project with endpoints or groups of endpoints of its own sees those only. */
export async function readCatalog(context: IdentityContext, userId: string, projectId: string | null): Promise<CatalogEntry[]> {
  const allServices = await services.list<ServiceRecord>(context.db, { enabled: true });
  const enabled = await endpoints.list<EndpointRecord>(context.db, { enabled: true });
  const visible = projectId === null ? undefined : await filteredEndpointIds(context, projectId, enabled);
  return allServices
    .toSorted((one, other) => one.type.localeCompare(other.type))
    .map((service) => ({
      id: service.id,
      type: service.type,
      name: service.name ?? '',
      endpoints: enabled
        .filter((endpoint) => endpoint.service_id === service.id && (visible === undefined || visible.has(endpoint.id)))
        .flatMap((endpoint) => {
          const url = fillUrl(endpoint.url, { userId, projectId });
          if (url === undefined) return [];
          const { id, interface: face, region_id: region } = endpoint;
          return [{ id, interface: face, region, region_id: region, url }];
        }),
    }))
    .filter((entry) => visible === undefined || entry.endpoints.length > 0);
}

/** `$(project_id)s` and its older names. An address that needs a project has no place in a catalog without one. */
export function fillUrl(template: string, { userId, projectId }: { userId: string; projectId: string | null }): string | undefined {
  const values: Record<string, string | null> = { user_id: userId, project_id: projectId, tenant_id: projectId };
  let missing = false;
  const url = template.replace(/(\$|%)\(([a-z_]+)\)s/g, (_all, _sign, name: string) => {
    const value = values[name];
    if (value == null) missing = true;
    return value ?? '';
  });
  return missing ? undefined : url;
}

async function filteredEndpointIds(
  context: IdentityContext,
  projectId: string,
  all: readonly EndpointRecord[],
): Promise<Set<string> | undefined> {
  const { db } = context;
  const own = await recordStore('identity_project_endpoint').list<{ endpoint_id: string }>(db, { project_id: projectId });
  const links = await recordStore('identity_project_endpoint_group').list<{ endpoint_group_id: string }>(db, { project_id: projectId });
  if (own.length === 0 && links.length === 0) return undefined;
  const groups = await recordStore('identity_endpoint_group').list<EndpointGroupRecord>(db, {
    id: links.map((link) => link.endpoint_group_id),
  });
  return new Set([...own.map((link) => link.endpoint_id), ...groups.flatMap((group) => endpointsOfGroup(group, all)).map(({ id }) => id)]);
}

export const endpointsOfGroup = (group: { readonly filters: object }, all: readonly EndpointRecord[]) =>
  all.filter((endpoint) => Object.entries(group.filters).every(([name, value]) => (endpoint as Record<string, unknown>)[name] === value));

/**
 * What this process serves, put into the catalog at start: region, services, one address for all three faces. An operator's
 * other entries stay as they are; ours follow the listen address.
 */
export async function publishServices(
  context: IdentityContext,
  regionId: string,
  offered: readonly { readonly type: string; readonly name: string; readonly url: string }[],
): Promise<void> {
  await context.write(async (trx) => {
    await regions.insertOnce(trx, { id: regionId, description: '', parent_region_id: null, extra: {} });
    for (const { type, name, url } of offered) {
      const id = idOf(type);
      await services.insertOnce(trx, { id, type, name, description: null, enabled: true, extra: {} });
      for (const face of ['public', 'internal', 'admin'] as const) {
        const endpointId = idOf(`${type}:${face}`);
        const row = { service_id: id, region_id: regionId, interface: face, url, enabled: true, extra: {} };
        await endpoints.insertOnce(trx, { id: endpointId, ...row });
        await endpoints.update(trx, { id: endpointId }, { url });
      }
    }
  });
}

/** The same service has the same id after every start. */
const idOf = (name: string) => createHash('sha256').update(`rackwright:${name}`).digest('hex').slice(0, 32);
