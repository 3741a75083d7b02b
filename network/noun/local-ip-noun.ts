import { badInput, conflict, notFound } from '../network-error.ts';
import { ipAddress, oneOf, orNull, shown, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch } from '../mechanism/row-write.ts';
import { asAnyone, mustSee } from '../mechanism/seen.ts';
import { OWNED, PUBLIC, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Values, type Work } from '../resource.ts';
import { networks } from './network-noun.ts';
import { createPort, portNetwork } from './port-create.ts';
import { ports } from './port-noun.ts';
import { dropPort } from './port-remove.ts';

/** One address that on each host means the port of that host. */
const { tags: _tags, ...untagged } = standard;

export const localIps: Resource = {
  member: 'local_ip',
  collection: 'local_ips',
  path: '/local_ips',
  table: 'network_local_ip',
  verbs: ['create', 'update', 'delete'],
  scope: OWNED,
  notFound: (id) => notFound('LocalIPNotFound', `Local IP ${id} could not be found.`),
  attributes: attributes({
    ...untagged,
    local_port_id: attribute(uuid, 'post filter sort', { default: undefined }),
    network_id: attribute(uuid, 'post filter sort', { default: undefined }),
    local_ip_address: attribute(orNull(ipAddress), 'post filter sort', { default: undefined }),
    ip_mode: attribute(oneOf('translate', 'passthrough'), 'post filter sort', { default: 'translate' }),
  }),
  async create(work, asked) {
    const ids = [];
    for (const values of asked) {
      const place = await placeOf(work, values);
      ids.push(...(await insertRows(work.trx, stored, [{ ...values, ...place }])));
    }
    return ids;
  },
  remove,
};

const stored: Resource = {
  ...localIps,
  attributes: { ...localIps.attributes, ...attributes({ own_port: attribute(shown('boolean'), '') }) },
};

interface Fixed {
  readonly ip_address: string;
}

async function placeOf(work: Work, values: Values): Promise<Values> {
  const asked = values['local_ip_address'] as string | null | undefined;
  if (values['local_port_id'] !== undefined) {
    const port = await mustSee(work, ports, values['local_port_id']);
    return { local_port_id: port.id, network_id: port['network_id'], local_ip_address: oneAddress(port, asked), own_port: false };
  }
  if (values['network_id'] === undefined) throw badInput('Either Port ID or Network ID must be specified for Local IP create');
  const network = await mustSee(work, networks, values['network_id'], { names: ['id', 'project_id'] });
  const id = await createPort(asAnyone(work), await portNetwork(asAnyone(work), network.id), {
    project_id: '',
    network_id: network.id,
    device_owner: 'network:local_ip',
    ...(asked === undefined || asked === null ? {} : { fixed_ips: [{ ip_address: asked }] }),
  });
  const port = await mustSee(asAnyone(work), ports, id);
  return { local_port_id: id, network_id: network.id, local_ip_address: oneAddress(port, asked), own_port: true };
}

function oneAddress(port: Row, asked: string | null | undefined): string {
  const all = (port['fixed_ips'] as Fixed[]).map((each) => each.ip_address);
  if (all.length === 0) throw badInput(`Specified Port ${port.id} has no fixed IPs configured`);
  if (asked !== undefined && asked !== null) {
    if (!all.includes(asked)) throw badInput(`Specified Port ${port.id} does not have requested IP address: ${asked}`);
    return asked;
  }
  if (all.length > 1) throw badInput(`Specified Port ${port.id} has several IPs, should specify exact IP address to use for Local IP`);
  return all[0]!;
}

async function remove({ trx }: Work, row: Row): Promise<void> {
  const used = await query(trx, 'select from network_local_ip_association where local_ip_id = $1 limit 1', [row.id]);
  if (used.length > 0) throw conflict('LocalIPInUse', `Local IP ${row.id} is still associated with one or more ports.`);
  const gone = await query<{ own_port: boolean }>(trx, 'delete from network_local_ip where id = $1 returning own_port', [row.id]);
  if (gone[0]!.own_port) await dropPort(trx, String(row['local_port_id']));
}

export const localIpAssociations: Resource = {
  member: 'port_association',
  collection: 'port_associations',
  path: '/port_associations',
  policyName: 'local_ip_port_association',
  table: 'network_local_ip_association',
  verbs: ['create', 'delete'],
  scope: PUBLIC,
  key: 'fixed_port_id',
  notFound: (portId, localId) =>
    notFound('LocalIPAssociationNotFound', `Local IP ${localId} association with port ${portId} could not be found.`),
  parent: { parameter: 'local_ip_id', resource: localIps, column: 'local_ip_id' },
  attributes: attributes({
    local_ip_id: attribute(shown('uuid'), 'filter'),
    local_ip_address: attribute(shown('inet'), 'filter', {
      sql: '(select l.local_ip_address from network_local_ip l where l.id = t.local_ip_id)',
    }),
    fixed_port_id: attribute(uuid, 'post filter sort'),
    fixed_ip: attribute(orNull(ipAddress), 'post filter sort', { default: null }),
    host: attribute(shown(), 'filter sort', { sql: '(select p.host from network_port p where p.id = t.fixed_port_id)' }),
  }),
  async create(work, asked) {
    const keys = [];
    for (const values of asked) {
      const port = await mustSee(work, ports, values['fixed_port_id']);
      const row = { ...values, fixed_ip: oneAddress(port, values['fixed_ip'] as string | null) };
      const ids = await insertRows(work.trx, storedAssociation, [row], { skipTaken: true });
      if (ids.length === 0) throw conflict('LocalIPAssociationExists', `Local IP is associated with port ${port.id} already.`);
      keys.push(port.id);
    }
    return keys;
  },
  async remove({ trx }, row) {
    await query(trx, 'delete from network_local_ip_association where local_ip_id = $1 and fixed_port_id = $2', [
      row['local_ip_id'],
      row['fixed_port_id'],
    ]);
    await touch(trx, 'network_local_ip', [String(row['local_ip_id'])]);
  },
};
const storedAssociation: Resource = {
  ...localIpAssociations,
  attributes: { ...localIpAssociations.attributes, ...attributes({ project_id: attribute(shown(), '') }) },
};
