import { badRequest, conflict } from '../network-error.ts';
import { ANYONE, asAnyone, mustSee } from '../mechanism/seen.ts';
import { readRow } from '../mechanism/row-read.ts';
import { query } from '../mechanism/statement.ts';
import type { Row, Work } from '../resource.ts';
import { networks } from './network-noun.ts';
import { createPort, portNetwork } from './port-create.ts';
import { ports } from './port-noun.ts';
import { dropPort } from './port-remove.ts';
import { updatePort } from './port-update.ts';
import { requireCarried, requirePolicySeen } from './qos-use.ts';
import { legsOf, requireNoOverlap } from './router-legs.ts';
import type { GatewayWish } from './router-noun.ts';

/** A router's way out: a port on an external network that belongs to no project. */
export async function setGateway(
  work: Work,
  router: { id: string; gatewayPortId: string | null },
  wish: GatewayWish | null,
): Promise<void> {
  const { trx } = work;
  if (wish !== null && 'qos_policy_id' in wish) {
    await requirePolicySeen(work, wish.qos_policy_id);
    await requireCarried(trx, wish.qos_policy_id, { kind: 'router', id: router.id, hasWire: false, isMetal: false, isBound: false });
  }
  const before = router.gatewayPortId === null ? undefined : await readRow(trx, ANYONE, ports, router.gatewayPortId);
  if (wish === null || (before !== undefined && before['network_id'] !== wish.network_id)) await clearGateway(work, router.id, before);
  if (wish === null) return void (await writeSettings(work, router.id, { enable_snat: true, qos_policy_id: null }));
  if (before === undefined || before['network_id'] !== wish.network_id) await plugGateway(work, router.id, wish);
  else if (wish.external_fixed_ips !== undefined) await updatePort(asAnyone(work), before, { fixed_ips: wish.external_fixed_ips });
  await writeSettings(work, router.id, wish);
}

async function writeSettings(
  { trx }: Work,
  id: string,
  wish: { readonly enable_snat?: boolean; readonly qos_policy_id?: string | null },
): Promise<void> {
  await query(
    trx,
    'update network_router set enable_snat = coalesce($2, enable_snat), qos_policy_id = case when $3 then $4::uuid else qos_policy_id end where id = $1',
    [id, wish.enable_snat ?? null, 'qos_policy_id' in wish, wish.qos_policy_id ?? null],
  );
}

async function clearGateway({ trx }: Work, routerId: string, port: Row | undefined): Promise<void> {
  if (port === undefined) return;
  const used = await query(trx, 'select from network_floatingip where router_id = $1 limit 1', [routerId]);
  if (used.length > 0)
    throw conflict(
      'RouterExternalGatewayInUseByFloatingIp',
      `Gateway cannot be updated for router ${routerId}, since a gateway to external network ${String(port['network_id'])} is required by one or more floating IPs.`,
    );
  await query(trx, 'update network_router set gateway_port_id = null where id = $1', [routerId]);
  await dropPort(trx, port.id);
}

async function plugGateway(work: Work, routerId: string, wish: GatewayWish): Promise<void> {
  const { trx } = work;
  const seen = await mustSee(work, networks, wish.network_id, { names: ['id', 'project_id', 'router:external'] });
  if (seen['router:external'] !== true) throw badRequest(`Network ${wish.network_id} is not an external network`);
  const network = await portNetwork({ trx, actor: ANYONE }, wish.network_id);
  const portId = await createPort(asAnyone(work), network, {
    project_id: '',
    network_id: network.id,
    device_id: routerId,
    device_owner: 'network:router_gateway',
    ...(wish.external_fixed_ips === undefined || wish.external_fixed_ips.length === 0 ? {} : { fixed_ips: wish.external_fixed_ips }),
  });
  const legs = (await legsOf(trx, routerId)).filter((leg) => !leg.is_gateway);
  const rows = await query<{ id: string; cidr: string }>(
    trx,
    'select s.id, s.cidr::text from network_address a join network_subnet s on s.id = a.subnet_id where a.port_id = $1',
    [portId],
  );
  for (const subnet of rows) requireNoOverlap(legs, subnet);
  await query(trx, 'update network_router set gateway_port_id = $2 where id = $1', [routerId, portId]);
}
