import { badRequest, conflict, notFound } from '../network-error.ts';
import { integer, ipAddress, oneOf, shown, text, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch, updateRow } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { DESCRIPTION_LENGTH_MAX, id, PUBLIC, tags, times } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import {
  attribute,
  attributes,
  InvalidValue,
  type AttributeType,
  type Resource,
  type Row,
  type Trx,
  type Values,
  type Work,
} from '../resource.ts';
import { routerBetween } from './floatingip-association.ts';
import { floatingips } from './floatingip-noun.ts';
import { ports } from './port-noun.ts';

/** One floating IP for many ports of a project: each port of the address leads to a port of a machine. */
const PORT_MOST = 65_535;
const port = integer(1, PORT_MOST);
/** `80:90` */
const portRange: AttributeType = {
  kind: 'text',
  read(value) {
    const [first, last, more] = String(value).split(':');
    const read = [first, last ?? first].map((each) => Number(port.read(each)));
    if (more !== undefined || read[0]! > read[1]!) throw new InvalidValue(`'${String(value)}' is not a range of ports`);
    return `${read[0]}:${read[1]}`;
  },
};
const protocol: AttributeType = {
  kind: 'text',
  read: (value) => oneOf('tcp', 'udp', 'sctp', 'dccp', 'icmp', 'ipv6-icmp').read(String(value).toLowerCase()),
};
const single = (column: string) => `(case when t.${column}_first = t.${column}_last then t.${column}_first end)`;
const span = (column: string) => `(t.${column}_first || ':' || t.${column}_last)`;

export const portForwardings: Resource = {
  member: 'port_forwarding',
  collection: 'port_forwardings',
  path: '/port_forwardings',
  policyName: 'floatingip_port_forwarding',
  table: 'network_port_forwarding',
  verbs: ['create', 'update', 'delete'],
  scope: PUBLIC,
  notFound: (each) => notFound('PortForwardingNotFound', `Port Forwarding ${each} could not be found.`),
  parent: { parameter: 'floatingip_id', resource: floatingips, column: 'floatingip_id' },
  attributes: attributes({
    id,
    protocol: attribute(protocol, 'post put filter sort'),
    external_port: attribute(port, 'post put filter sort', { default: undefined, sql: single('external') }),
    external_port_range: attribute(portRange, 'post put filter sort', { default: undefined, sql: span('external') }),
    internal_port: attribute(port, 'post put', { default: undefined, sql: single('internal') }),
    internal_port_range: attribute(portRange, 'post put', { default: undefined, sql: span('internal') }),
    internal_ip_address: attribute(ipAddress, 'post put'),
    internal_port_id: attribute(uuid, 'post put filter sort'),
    description: attribute(text(DESCRIPTION_LENGTH_MAX), 'post put filter', { default: '' }),
    ...times,
    tags,
  }),
  create,
  update,
  async remove({ trx }, row) {
    const floatingId = await floatingOf(trx, row.id);
    await query(trx, 'delete from network_port_forwarding where id = $1', [row.id]);
    const left = await query(trx, 'select from network_port_forwarding where floatingip_id = $1 limit 1', [floatingId]);
    if (left.length === 0) await query(trx, `update network_floatingip set router_id = null, status = 'DOWN' where id = $1`, [floatingId]);
    await touch(trx, 'network_floatingip', [floatingId]);
  },
};

const stored: Resource = {
  ...portForwardings,
  attributes: {
    ...portForwardings.attributes,
    ...attributes({
      project_id: attribute(shown(), ''),
      floatingip_id: attribute(shown('uuid'), ''),
      external_first: attribute(shown('integer'), ''),
      external_last: attribute(shown('integer'), ''),
      internal_first: attribute(shown('integer'), ''),
      internal_last: attribute(shown('integer'), ''),
    }),
  },
};

const floatingOf = async (trx: Trx, forwardingId: string): Promise<string> =>
  (await query<{ floatingip_id: string }>(trx, 'select floatingip_id from network_port_forwarding where id = $1', [forwardingId]))[0]!
    .floatingip_id;

function spanOf(values: Values, side: 'external' | 'internal'): Values | undefined {
  const one = values[`${side}_port`];
  const range = values[`${side}_port_range`] as string | undefined;
  if (one !== undefined && one !== null && range !== undefined) throw badRequest(`Cannot specify both ${side}_port and ${side}_port_range`);
  const [first, last] = range === undefined ? [one, one] : range.split(':').map(Number);
  return first === undefined || first === null ? undefined : { [`${side}_first`]: first, [`${side}_last`]: last };
}

async function create(work: Work, asked: readonly Values[]): Promise<string[]> {
  const ids = [];
  for (const values of asked) {
    const external = spanOf(values, 'external');
    const internal = spanOf(values, 'internal');
    const isPortless = String(values['protocol']).includes('icmp');
    if ((external === undefined || internal === undefined) && !isPortless)
      throw badRequest("Failed to parse request. Required attribute 'external_port' not specified");
    const spans = { external_first: 0, external_last: 0, internal_first: 0, internal_last: 0, ...external, ...internal };
    ids.push(await place(work, String(values['floatingip_id']), { ...values, ...spans }, undefined));
  }
  return ids;
}

async function update(work: Work, before: Row, changes: Values): Promise<void> {
  const floatingId = await floatingOf(work.trx, before.id);
  const kept = {
    ...before,
    ...spanOf({ external_port_range: before['external_port_range'] }, 'external'),
    ...spanOf({ internal_port_range: before['internal_port_range'] }, 'internal'),
  };
  const spans = { ...spanOf(changes, 'external'), ...spanOf(changes, 'internal') };
  await place(work, floatingId, { ...kept, ...changes, ...spans }, before.id);
}

const SPANS = ['external_first', 'external_last', 'internal_first', 'internal_last'] as const;
const PLACED = ['protocol', 'internal_ip_address', 'internal_port_id', 'description', ...SPANS] as const;

/** @throws NetworkError 400, 404, 409 */
async function place(work: Work, floatingId: string, values: Values, id: string | undefined): Promise<string> {
  const { trx } = work;
  const [floating] = await query<{ floating_network_id: string; router_id: string | null; port_id: string | null; address: string }>(
    trx,
    'select floating_network_id, router_id, port_id, host(floating_ip_address) as address from network_floatingip where id = $1 for update',
    [floatingId],
  );
  if (floating!.port_id !== null)
    throw conflict(
      'FipAssociatedToPort',
      `Floating IP ${floatingId} is associated with port ${floating!.port_id}: it can not have port forwardings.`,
    );
  requireSameSize(values);
  const target = await mustSee(work, ports, values['internal_port_id']);
  const ip = String(values['internal_ip_address']);
  const fixed = (target['fixed_ips'] as { subnet_id: string; ip_address: string }[]).find((each) => each.ip_address === ip);
  if (fixed === undefined)
    throw badRequest(`Bad port_forwarding request: Requested internal IP address ${ip} is not one of port ${target.id}.`);
  await requireNoFloating(trx, floating!.address, floatingId, target.id, ip);
  const routerId = await routerBetween(trx, fixed.subnet_id, floating!.floating_network_id);
  if (routerId === undefined || (floating!.router_id !== null && routerId !== floating!.router_id))
    throw badRequest(`Bad port_forwarding request: There is no router of the floating IP's network for port ${target.id}.`);
  await requireFree(trx, floatingId, target.id, values, id);
  await query(trx, `update network_floatingip set router_id = $2, status = 'ACTIVE' where id = $1`, [floatingId, routerId]);
  await touch(trx, 'network_floatingip', [floatingId]);
  if (id !== undefined) {
    await updateRow(trx, stored, id, Object.fromEntries(PLACED.map((name) => [name, values[name]])));
    return id;
  }
  const [made] = await insertRows(trx, stored, [{ ...values, floatingip_id: floatingId }]);
  return made!;
}

function requireSameSize(values: Values): void {
  const size = (side: string) => Number(values[`${side}_last`]) - Number(values[`${side}_first`]);
  if (size('internal') !== size('external') && size('internal') !== 0)
    throw badRequest('Bad port_forwarding request: The internal and the external port range have different sizes.');
}

async function requireNoFloating(trx: Trx, address: string, floatingId: string, portId: string, ip: string): Promise<void> {
  const rows = await query(trx, 'select from network_floatingip where port_id = $1 and fixed_ip_address = $2', [portId, ip]);
  if (rows.length > 0)
    throw conflict(
      'PortHasBindingFloatingIP',
      `Cannot create port forwarding to floating IP ${address} (${floatingId}) with port ${portId} using fixed IP ${ip}, as that port already has a binding floating IP.`,
    );
}

/** Ranges of ports overlap where single ones are equal. */
async function requireFree(trx: Trx, floatingId: string, portId: string, values: Values, but: string | undefined): Promise<void> {
  const rows = await query(
    trx,
    `select from network_port_forwarding where id is distinct from $1 and protocol = $2 and (
       (floatingip_id = $3 and external_first <= $5 and external_last >= $4)
       or (floatingip_id = $3 and internal_port_id = $6 and internal_ip_address = $7 and internal_first <= $9 and internal_last >= $8)) limit 1`,
    [
      but ?? null,
      values['protocol'],
      floatingId,
      values['external_first'],
      values['external_last'],
      portId,
      values['internal_ip_address'],
      values['internal_first'],
      values['internal_last'],
    ],
  );
  if (rows.length > 0)
    throw badRequest('Bad port_forwarding request: A duplicate port forwarding entry with same attributes already exists.');
}
