import { badRequest, conflict, notFound } from '../network-error.ts';
import { bindProfiles, LOGGABLE, profileNotFound, SERVICE_TYPES } from '../flavor-service.ts';
import { boolean, cidr, listOf, oneOf, orNull, text, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, updateRow } from '../mechanism/row-write.ts';
import { description, id, name, OWNED, project, PUBLIC, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Trx, type Values } from '../resource.ts';

/** Nouns that say how something is to be measured, logged or built: metering, logs, flavors. */
const { tags: _tags, ...untagged } = standard;

export const meteringLabels: Resource = {
  member: 'metering_label',
  collection: 'metering_labels',
  path: '/metering/metering-labels',
  table: 'network_metering_label',
  verbs: ['create', 'delete'],
  scope: `(${OWNED} or t.shared)`,
  notFound: (each) => notFound('MeteringLabelNotFound', `Metering label '${each}' does not exist.`),
  attributes: attributes({ id, name, ...project, description, shared: attribute(boolean, 'post filter sort', { default: false }) }),
};

const prefix = attribute(orNull(cidr), 'post filter sort', { default: null });
export const meteringRules: Resource = {
  member: 'metering_label_rule',
  collection: 'metering_label_rules',
  path: '/metering/metering-label-rules',
  table: 'network_metering_label_rule',
  verbs: ['create', 'delete'],
  scope: OWNED,
  notFound: (each) => notFound('MeteringLabelRuleNotFound', `Metering label rule '${each}' does not exist.`),
  attributes: attributes({
    id,
    ...project,
    metering_label_id: attribute(uuid, 'post filter sort'),
    direction: attribute(oneOf('ingress', 'egress'), 'post filter sort'),
    excluded: attribute(boolean, 'post filter sort', { default: false }),
    remote_ip_prefix: prefix,
    source_ip_prefix: prefix,
    destination_ip_prefix: prefix,
  }),
  async create({ trx }, asked) {
    for (const values of asked) await requireMetered(trx, values);
    return insertRows(trx, meteringRules, asked);
  },
};

async function requireMetered(trx: Trx, values: Values): Promise<void> {
  const label = await query(trx, 'select from network_metering_label where id = $1 for no key update', [values['metering_label_id']]);
  if (label.length === 0) throw meteringLabels.notFound(String(values['metering_label_id']));
  const isOlder = values['remote_ip_prefix'] !== null;
  const isNewer = values['source_ip_prefix'] !== null || values['destination_ip_prefix'] !== null;
  if (isOlder === isNewer) throw badRequest('Either remote_ip_prefix, or source_ip_prefix and destination_ip_prefix, have to be given');
  const over = await query(
    trx,
    `select from network_metering_label_rule where metering_label_id = $1 and direction = $2 and remote_ip_prefix && $3::cidr limit 1`,
    [values['metering_label_id'], values['direction'], values['remote_ip_prefix']],
  );
  if (over.length > 0)
    throw conflict(
      'MeteringLabelRuleOverlaps',
      `Metering label rule with remote_ip_prefix '${String(values['remote_ip_prefix'])}' overlaps another.`,
    );
}

export const logs: Resource = {
  member: 'log',
  collection: 'logs',
  path: '/log/logs',
  table: 'network_log',
  verbs: ['create', 'update', 'delete'],
  scope: OWNED,
  notFound: (each) => notFound('LogResourceNotFound', `Log resource ${each} could not be found.`),
  attributes: attributes({
    ...untagged,
    resource_type: attribute(text(255), 'post filter sort'),
    resource_id: attribute(orNull(uuid), 'post filter sort', { default: null }),
    target_id: attribute(orNull(uuid), 'post filter sort', { default: null }),
    event: attribute(oneOf('ACCEPT', 'DROP', 'ALL'), 'post filter', { default: 'ALL' }),
    enabled: attribute(boolean, 'post put filter sort', { default: true }),
  }),
  async create({ trx }, asked) {
    for (const values of asked) await requireLoggable(trx, values);
    return insertRows(trx, logs, asked);
  },
};

async function requireLoggable(trx: Trx, values: Values): Promise<void> {
  if (!LOGGABLE.includes(values['resource_type'] as 'security_group'))
    throw badRequest(`Invalid log resource_type: ${String(values['resource_type'])}.`);
  const [group, port] = [values['resource_id'], values['target_id']];
  if (group !== null && (await query(trx, 'select from network_security_group where id = $1', [group])).length === 0)
    throw notFound('ResourceNotFound', `The ${String(values['resource_type'])} with ID ${String(group)} could not be found.`);
  if (port !== null && (await query(trx, 'select from network_port where id = $1', [port])).length === 0)
    throw notFound('TargetResourceNotFound', `Target resource ${String(port)} could not be found.`);
}

const PROFILES = 'array(select p.service_profile_id from network_flavor_profile p where p.flavor_id = t.id)';

export const flavors: Resource = {
  member: 'flavor',
  collection: 'flavors',
  path: '/flavors',
  table: 'network_flavor',
  verbs: ['create', 'update', 'delete'],
  scope: PUBLIC,
  notFound: (each) => notFound('FlavorNotFound', `Flavor ${each} could not be found.`),
  attributes: attributes({
    id,
    project_id: attribute(text(255), 'post', { default: undefined, sql: null, column: 'project_id' }),
    tenant_id: attribute(text(255), 'post', { default: undefined, sql: null, column: null }),
    name,
    description: attribute(text(1024), 'post put filter sort', { default: '' }),
    service_type: attribute(oneOf(...SERVICE_TYPES), 'post filter sort'),
    service_profiles: attribute(listOf(uuid), 'post put', { default: [], sql: PROFILES }),
    enabled: attribute(boolean, 'post put filter sort', { default: true }),
  }),
  async create({ trx }, asked) {
    const ids = await insertRows(trx, flavors, asked);
    for (const [at, values] of asked.entries()) await bindProfiles(trx, ids[at]!, values['service_profiles'] as string[]);
    return ids;
  },
  async update({ trx }, before, changes) {
    await requireUnused(trx, before.id);
    if (changes['service_profiles'] !== undefined) {
      await query(trx, 'delete from network_flavor_profile where flavor_id = $1', [before.id]);
      await bindProfiles(trx, before.id, changes['service_profiles'] as string[]);
    }
    await updateRow(trx, flavors, before.id, changes);
  },
  async remove({ trx }, row) {
    await requireUnused(trx, row.id);
    await query(trx, 'delete from network_flavor where id = $1', [row.id]);
  },
};

async function requireUnused(trx: Trx, flavorId: string): Promise<void> {
  const used = await query(trx, 'select from network_router where flavor_id = $1 limit 1', [flavorId]);
  if (used.length > 0) throw conflict('FlavorInUse', `Flavor ${flavorId} is used by some service instance.`);
}

export const serviceProfiles: Resource = {
  member: 'service_profile',
  collection: 'service_profiles',
  path: '/service_profiles',
  table: 'network_service_profile',
  verbs: ['create', 'update', 'delete'],
  scope: PUBLIC,
  notFound: profileNotFound,
  attributes: attributes({
    id,
    project_id: attribute(text(255), 'post', { default: undefined, sql: null, column: 'project_id' }),
    tenant_id: attribute(text(255), 'post', { default: undefined, sql: null, column: null }),
    description: attribute(text(1024), 'post put filter sort', { default: '' }),
    driver: attribute(text(1024), 'post put filter sort', { default: '' }),
    metainfo: attribute(text(4096), 'post put sort', { default: '' }),
    enabled: attribute(boolean, 'post put filter sort', { default: true }),
  }),
  async create({ trx }, asked) {
    for (const values of asked) {
      if (values['driver'] === '' && values['metainfo'] === '') throw badRequest('Service Profile needs either a driver or metainfo.');
      requireDriver(values);
    }
    return insertRows(trx, serviceProfiles, asked);
  },
  async update({ trx }, before, changes) {
    requireDriver(changes);
    await requireUnbound(trx, before.id);
    await updateRow(trx, serviceProfiles, before.id, changes);
  },
  async remove({ trx }, row) {
    await requireUnbound(trx, row.id);
    await query(trx, 'delete from network_service_profile where id = $1', [row.id]);
  },
};

/** There is one way to build a router here: no driver is to be chosen. */
function requireDriver(values: Values): void {
  const driver = values['driver'] as string | undefined;
  if (driver !== undefined && driver !== '')
    throw notFound('ServiceProfileDriverNotFound', `Service Profile driver ${driver} could not be found.`);
}

async function requireUnbound(trx: Trx, profileId: string): Promise<void> {
  const used = await query(trx, 'select from network_flavor_profile where service_profile_id = $1 limit 1', [profileId]);
  if (used.length > 0) throw conflict('ServiceProfileInUse', `Service Profile ${profileId} is used by some service flavor.`);
}
