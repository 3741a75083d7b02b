import { badRequest, conflict, notFound, NetworkError } from '../network-error.ts';
import { insertRows, updateRow } from '../mechanism/row-write.ts';
import { asAnyone } from '../mechanism/seen.ts';
import { query } from '../mechanism/statement.ts';
import type { Row, Trx, Values, Work } from '../resource.ts';
import { setGateway } from './router-gateway.ts';
import { legsOf, requireRoutes, type Route } from './router-legs.ts';
import { leaveHaNetwork, needHaNetwork } from './ha-network.ts';
import { routers, type GatewayWish } from './router-noun.ts';

/** Making, changing and removing routers. */
export async function createRouters(work: Work, asked: readonly Values[]): Promise<string[]> {
  const ids = [];
  for (const values of asked) {
    await requireFlavor(work.trx, values['flavor_id'] as string | null);
    const [id] = await insertRows(work.trx, routers, [withoutNulls(values)]);
    const wish = values['external_gateway_info'] as GatewayWish | null;
    if (wish !== null) await setGateway(work, { id: id!, gatewayPortId: null }, wish);
    if (values['enable_ndp_proxy'] === true) await requireNdpScope(work, id!);
    if (values['ha'] === true) await needHaNetwork(work.trx, String(values['project_id']));
    ids.push(id!);
  }
  return ids;
}

/** Null leaves the choice to the cloud. */
const withoutNulls = (values: Values): Values =>
  Object.fromEntries(
    Object.entries(values).filter(([name, value]) => value !== null || !['distributed', 'ha', 'enable_ndp_proxy'].includes(name)),
  );

async function requireFlavor(trx: Trx, id: string | null): Promise<void> {
  if (id === null) return;
  const rows = await query<{ enabled: boolean; profiles: number }>(
    trx,
    `select f.enabled, (select count(*) from network_flavor_profile p join network_service_profile s on s.id = p.service_profile_id
       where p.flavor_id = f.id and s.enabled) as profiles from network_flavor f where f.id = $1`,
    [id],
  );
  if (rows[0] === undefined) throw notFound('FlavorNotFound', `Flavor ${id} could not be found.`);
  if (!rows[0].enabled) throw new NetworkError(503, 'FlavorDisabled', 'Flavor is not enabled.');
  if (rows[0].profiles === 0) throw notFound('ServiceProfileNotFound', `Flavor ${id} has no enabled service profile.`);
}

/** NDP proxies announce addresses outside: both sides have to be in one address scope. */
async function requireNdpScope({ trx }: Work, routerId: string): Promise<void> {
  const rows = await query<{ gateway: string | null; scope: string | null }>(
    trx,
    `select r.gateway_port_id as gateway, (select p.address_scope_id from network_address a join network_subnet s on s.id = a.subnet_id
       join network_subnetpool p on p.id = s.subnetpool_id where a.port_id = r.gateway_port_id and s.ip_version = 6 limit 1) as scope
     from network_router r where r.id = $1`,
    [routerId],
  );
  if ((rows[0]?.scope ?? null) !== null) return;
  throw conflict(
    'RouterGatewayNotValid',
    `Can not enable NDP proxy on router ${routerId}: it has no external gateway, or that has no IPv6 address of an address scope.`,
  );
}

const NEEDS_DOWN = ['distributed', 'ha'] as const;

export async function updateRouter(work: Work, before: Row, changes: Values): Promise<void> {
  const { trx } = work;
  const { ha, ...others } = withoutNulls(changes);
  // What is shown and given back is no wish: a router without one is shown as one without high availability.
  const values: Values = ha === undefined || ha === before['ha'] ? others : { ...others, ha };
  const isUp = (values['admin_state_up'] ?? before['admin_state_up']) === true && before['admin_state_up'] === true;
  const changed = NEEDS_DOWN.find((name) => values[name] !== undefined && values[name] !== before[name]);
  if (changed !== undefined && isUp)
    throw badRequest(
      `Cannot change the '${changed}' attribute of active routers. Please set router admin_state_up to False prior to upgrade`,
    );
  const gatewayPortId = await gatewayPortOf(trx, before.id);
  if ('external_gateway_info' in changes)
    await setGateway(work, { id: before.id, gatewayPortId }, changes['external_gateway_info'] as GatewayWish | null);
  if (values['enable_ndp_proxy'] === true) await requireNdpScope(asAnyone(work), before.id);
  if (values['enable_ndp_proxy'] === false) await requireNoProxies(trx, before.id);
  if (changes['routes'] !== undefined) requireRoutes(before.id, changes['routes'] as Route[], await legsOf(trx, before.id));
  await updateRow(trx, routers, before.id, values);
  if (values['ha'] === true) await needHaNetwork(trx, before.project_id);
  if (values['ha'] === false) await leaveHaNetwork(trx, before.project_id);
}

async function requireNoProxies(trx: Trx, id: string): Promise<void> {
  const rows = await query(trx, 'select from network_ndp_proxy where router_id = $1 limit 1', [id]);
  if (rows.length > 0)
    throw conflict('RouterNDPProxyInUse', `Unable to disable the NDP proxy of router ${id}, there are still NDP proxies of it.`);
}

async function gatewayPortOf(trx: Trx, id: string): Promise<string | null> {
  const rows = await query<{ gateway_port_id: string | null }>(trx, 'select gateway_port_id from network_router where id = $1', [id]);
  return rows[0]!.gateway_port_id;
}

export async function removeRouter(work: Work, row: Row): Promise<void> {
  const { trx } = work;
  const legs = await query(trx, 'select from network_router_interface where router_id = $1 limit 1', [row.id]);
  if (legs.length > 0) throw conflict('RouterInUse', `Router ${row.id} still has ports`);
  await query(trx, 'delete from network_ndp_proxy where router_id = $1', [row.id]);
  await setGateway(work, { id: row.id, gatewayPortId: await gatewayPortOf(trx, row.id) }, null);
  await query(trx, 'delete from network_router where id = $1', [row.id]);
  if (row['ha'] === true) await leaveHaNetwork(trx, row.project_id);
}
