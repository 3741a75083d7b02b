import { badInput, conflict, notFound } from '../network-error.ts';
import { insertRows, updateRow } from '../mechanism/row-write.ts';
import { anything, boolean, dnsDomain, integer, listOf, orNull, shown, text, uuid } from '../mechanism/attribute-types.ts';
import { ownedOrShared, sharedWith, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Values, type Work } from '../resource.ts';
import { DHCP_AGENT, ZONE, zoneHints } from './agent-noun.ts';
import { mtuOf, MTU_LEAST, MTU_MOST } from './mtu-policy.ts';
import { defaultPolicyOf, requireCarriedByNetwork, requirePolicyChange, requirePolicySeen } from './qos-use.ts';
import { forget, share, SHARED, EXTERNAL, unshare } from './rbac-store.ts';
import { addSegments, readSegments, SEGMENT_WISH, updateSegmentation, type Segment } from './segment-allocation.ts';

/** Layer 2 networks. What they are made of is in their segments, who else may use them in `network_rbac`. */
const ofFirstSegment = (column: string) =>
  `(select s.${column} from network_segment s where s.network_id = t.id order by s.position, s.created_at limit 1)`;
const external = sharedExternally();
const scopeOf = (version: 4 | 6) =>
  `(select p.address_scope_id from network_subnet s join network_subnetpool p on p.id = s.subnetpool_id
    where s.network_id = t.id and s.ip_version = ${version} and p.address_scope_id is not null limit 1)`;

/** Where its addresses are served. */
const ZONES = `case when exists (select from network_agent a where a.agent_type = '${DHCP_AGENT}' and a.admin_state_up
    and not exists (select from network_agent_withdrawal w where w.agent_id = a.id and w.network_id = t.id))
  then array['${ZONE}'] else '{}'::text[] end`;

function sharedExternally(): string {
  return `exists (select from network_rbac r where r.object_id = t.id and r.action = '${EXTERNAL}')`;
}

export const networks: Resource = {
  member: 'network',
  collection: 'networks',
  path: '/networks',
  table: 'network',
  verbs: ['create', 'update', 'delete'],
  quota: 'network',
  scope: `(${ownedOrShared('network')} or ${sharedWith('network', EXTERNAL)})`,
  notFound: (id) => notFound('NetworkNotFound', `Network ${id} could not be found.`),
  attributes: attributes({
    ...standard,
    admin_state_up: attribute(boolean, 'post put filter sort', { default: true }),
    status: attribute(shown(), 'filter sort'),
    shared: attribute(boolean, 'post put filter', { default: false, sql: sharedWith('network') }),
    'router:external': attribute(boolean, 'post put filter', { default: false, sql: external }),
    is_default: attribute(boolean, 'post put filter', { default: false }),
    mtu: attribute(integer(0), 'post put filter sort', { default: 0 }),
    vlan_transparent: attribute(orNull(boolean), 'post filter', { default: undefined }),
    port_security_enabled: attribute(boolean, 'post put', { default: true }),
    dns_domain: attribute(dnsDomain, 'post put', { default: '' }),
    qos_policy_id: attribute(orNull(uuid), 'post put', { default: null }),
    availability_zone_hints: attribute(zoneHints, 'post sort', { default: [] }),
    availability_zones: attribute(anything, '', { sql: ZONES }),
    'provider:network_type': attribute(text(32), 'post put filter', { default: undefined, sql: ofFirstSegment('network_type') }),
    'provider:physical_network': attribute(orNull(text(64)), 'post put filter', {
      default: undefined,
      sql: ofFirstSegment('physical_network'),
    }),
    'provider:segmentation_id': attribute(orNull(integer(0)), 'post put filter', {
      default: undefined,
      sql: ofFirstSegment('segmentation_id'),
    }),
    segments: attribute(listOf(SEGMENT_WISH), 'post put', {
      default: undefined,
      sql: `(select json_agg(json_build_object('provider:network_type', s.network_type, 'provider:physical_network', s.physical_network,
        'provider:segmentation_id', s.segmentation_id) order by s.position) from network_segment s where s.network_id = t.id having count(*) > 1)`,
    }),
    l2_adjacency: attribute(boolean, '', {
      sql: 'not exists (select from network_subnet s where s.network_id = t.id and s.segment_id is not null)',
    }),
    ipv4_address_scope: attribute(shown('uuid'), '', { sql: scopeOf(4) }),
    ipv6_address_scope: attribute(shown('uuid'), '', { sql: scopeOf(6) }),
    subnets: attribute(anything, '', { sql: 'array(select s.id from network_subnet s where s.network_id = t.id order by s.created_at)' }),
  }),
  create,
  update,
  remove,
};

async function create(work: Work, asked: readonly Values[]): Promise<string[]> {
  const rows: { values: Values; segments: Segment[] }[] = [];
  for (const values of asked) {
    await requirePolicySeen(work, values['qos_policy_id']);
    const policyId = values['qos_policy_id'] ?? (await defaultPolicyOf(work, values['project_id']));
    if (values['is_default'] === true && values['router:external'] !== true)
      throw badInput('is_default can only be set on an external network');
    const segments = await readSegments(work, values);
    rows.push({ values: { ...values, qos_policy_id: policyId, mtu: mtuOf(Number(values['mtu']), segments[0]?.network_type) }, segments });
  }
  if (asked.some((values) => values['is_default'] === true)) await clearDefault(work);
  const ids = await insertRows(
    work.trx,
    networks,
    rows.map((row) => row.values),
  );
  for (const [at, { values, segments }] of rows.entries()) {
    await addSegments(work, ids[at]!, String(values['project_id']), segments);
    await requireCarriedByNetwork(work.trx, values['qos_policy_id'], ids[at]!);
    for (const action of [...(values['shared'] === true ? [SHARED] : []), ...(values['router:external'] === true ? [EXTERNAL] : [])])
      await share(work.trx, 'network', ids[at]!, String(values['project_id']), action, '*');
  }
  return ids;
}

const clearDefault = ({ trx }: Work) => query(trx, 'update network set is_default = false where is_default');

async function update(work: Work, before: Row, changes: Values): Promise<void> {
  const { trx } = work;
  const { shared, 'router:external': isExternal } = changes;
  await requirePolicyChange(work, before['qos_policy_id'], changes['qos_policy_id']);
  if (changes['qos_policy_id'] !== before['qos_policy_id']) await requireCarriedByNetwork(trx, changes['qos_policy_id'], before.id);
  await updateSegmentation(work, before, changes);
  if ('mtu' in changes) await requireMtu(work, before.id, Number(changes['mtu']));
  if (changes['is_default'] === true) {
    if (!(isExternal ?? before['router:external'])) throw badInput('is_default can only be set on an external network');
    await clearDefault(work);
  }
  if (shared === true) await share(trx, 'network', before.id, before.project_id, SHARED, '*');
  if (shared === false && before['shared'] === true) await unshare(trx, 'network', before.id, before.project_id, SHARED, '*');
  if (isExternal === true && before['router:external'] === false) await share(trx, 'network', before.id, before.project_id, EXTERNAL, '*');
  if (isExternal === false && before['router:external'] === true) await makeInternal(work, before.id);
  const mtu = 'mtu' in changes ? { mtu: mtuOf(Number(changes['mtu']), String(before['provider:network_type'])) } : {};
  await updateRow(trx, networks, before.id, { ...changes, ...mtu });
}

async function requireMtu(work: Work, id: string, mtu: number): Promise<void> {
  if (mtu !== 0 && (mtu < MTU_LEAST[4] || mtu > MTU_MOST))
    throw badInput(`Requested MTU ${mtu} is not between ${MTU_LEAST[4]} and ${MTU_MOST}`);
  const rows = await query<{ found: boolean }>(
    work.trx,
    'select exists (select from network_subnet where network_id = $1 and ip_version = 6) as found',
    [id],
  );
  if (mtu !== 0 && mtu < MTU_LEAST[6] && rows[0]!.found)
    throw badInput(`Requested MTU ${mtu} is too small for a network with IPv6 subnets`);
}

async function makeInternal(work: Work, id: string): Promise<void> {
  const rows = await query(work.trx, `select from network_port where network_id = $1 and device_owner = 'network:router_gateway' limit 1`, [
    id,
  ]);
  if (rows.length > 0)
    throw conflict(
      'ExternalNetworkInUse',
      `External network ${id} cannot be updated to be made non-external, since it has existing gateway ports.`,
    );
  await query(work.trx, 'delete from network_rbac where object_id = $1 and action = $2', [id, EXTERNAL]);
}

async function remove({ trx }: Work, row: Row): Promise<void> {
  // Floating IPs of nobody in particular go with their network.
  const loose = await query<{ floating_port_id: string }>(
    trx,
    'delete from network_floatingip where floating_network_id = $1 and port_id is null returning floating_port_id',
    [row.id],
  );
  await query(trx, 'delete from network_port where id = any($1::uuid[])', [loose.map((each) => each.floating_port_id)]);
  await query(trx, 'delete from network_port where id in (select port_id from network_metadata_port where network_id = $1)', [row.id]);
  const ports = await query(trx, 'select from network_port where network_id = $1 limit 1', [row.id]);
  if (ports.length > 0)
    throw conflict(
      'NetworkInUse',
      `Unable to complete operation on network ${row.id}. There are one or more ports still in use on the network.`,
    );
  await forget(trx, row.id);
  await query(trx, 'delete from network_subnet where network_id = $1', [row.id]);
  await query(trx, 'delete from network where id = $1', [row.id]);
}
