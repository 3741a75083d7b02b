import { sql } from 'kysely';
import { badRequest, forbidden } from './identity-error.ts';
import type { Writer } from './identity-context.ts';
import { mustFindRecord, type RecordKind } from './record-service.ts';
import { revoke } from './revocation-service.ts';
import { recordStore } from './store/record-store.ts';

/** The plain records: which columns they have, what they point at. */
export const regionKind: RecordKind = {
  table: 'identity_region',
  noun: 'region',
  columns: ['description', 'parent_region_id'],
  takesExtra: true,
  async check(trx, given, before) {
    const seen = new Set(before === undefined ? [] : [before.id]);
    let parent = given['parent_region_id'];
    while (typeof parent === 'string') {
      if (seen.has(parent))
        throw badRequest(`The specified parent region ${String(given['parent_region_id'])} would create a circular region hierarchy.`);
      seen.add(parent);
      parent = (await mustFindRecord(trx, regionKind, parent))['parent_region_id'];
    }
  },
  async release(_context, trx, region) {
    const { rows } = await sql`
      select from identity_endpoint where region_id = ${region.id}
      union all select from identity_region where parent_region_id = ${region.id}
      union all select from identity_registered_limit where region_id = ${region.id}`.execute(trx);
    if (rows.length > 0) throw forbidden(`Unable to delete region ${region.id} because it or its child regions have associated endpoints.`);
  },
};

export const serviceKind: RecordKind = {
  table: 'identity_service',
  noun: 'service',
  columns: ['type', 'name', 'description', 'enabled'],
  takesExtra: true,
  async release(_context, trx, service) {
    if ((await recordStore('identity_registered_limit').find(trx, { service_id: service.id })) !== undefined)
      throw forbidden(`Unable to delete service ${service.id} because there are registered limits of it.`);
  },
};

export const endpointKind: RecordKind = {
  table: 'identity_endpoint',
  noun: 'endpoint',
  columns: ['service_id', 'region_id', 'interface', 'url', 'enabled'],
  takesExtra: true,
  async check(trx, given) {
    if (typeof given['url'] === 'string') refuseBadUrl(given['url']);
    await pointsAt(trx, serviceKind, given['service_id']);
    await pointsAt(trx, regionKind, given['region_id']);
  },
};

/** What it names must be there; Keystone calls that a bad request. */
async function pointsAt(trx: Writer, kind: RecordKind, id: unknown): Promise<void> {
  if (typeof id !== 'string') return;
  await mustFindRecord(trx, kind, id).catch((error: Error) => {
    throw badRequest(error.message);
  });
}

const KNOWN_NAMES = new Set([
  'user_id',
  'project_id',
  'tenant_id',
  'public_bind_host',
  'admin_bind_host',
  'compute_host',
  'admin_port',
  'public_port',
]);

/** `$(project_id)s` and the like may stand in it; anything that can not be filled in would break every catalog. */
export function refuseBadUrl(url: string): void {
  const bad = () => badRequest(`Cannot create an endpoint with an invalid URL: ${url}.`);
  const rest = url.replace(/(?:\$|%)\(([^)]*)\)s/g, (_all, name: string) => {
    if (!KNOWN_NAMES.has(name)) throw bad();
    return 'x';
  });
  if (/[$%]\(/.test(rest) || !URL.canParse(rest)) throw bad();
}

export const policyKind: RecordKind = { table: 'identity_policy', noun: 'policy', columns: ['type', 'blob'], takesExtra: true };

export const endpointGroupKind: RecordKind = {
  table: 'identity_endpoint_group',
  noun: 'Endpoint Group',
  columns: ['name', 'description', 'filters'],
  json: ['filters'],
};

export const serviceProviderKind: RecordKind = {
  table: 'identity_service_provider',
  noun: 'Service Provider',
  columns: ['enabled', 'description', 'auth_url', 'sp_url', 'relay_state_prefix'],
};

export const mappingKind: RecordKind = {
  table: 'identity_mapping',
  noun: 'mapping',
  columns: ['rules', 'schema_version'],
  json: ['rules'],
};

export const consumerKind: RecordKind = {
  table: 'identity_consumer',
  noun: 'Consumer',
  columns: ['secret', 'description'],
  takesExtra: true,
  async check(_trx, given, before) {
    if (before !== undefined && 'secret' in given) throw badRequest('Cannot change consumer secret');
  },
  release: async (context, trx, consumer) => revoke(context, trx, { consumer_id: consumer.id }),
};
