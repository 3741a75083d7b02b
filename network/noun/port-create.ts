import { randomBytes } from 'node:crypto';
import { askedAddresses, usualAddresses, type AddressSubnet, type AddressWish, type FixedIp } from '../address/port-address-policy.ts';
import { badInput, conflict } from '../network-error.ts';
import { datapathOf } from '../network-host-service.ts';
import { insertRows } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { statement } from '../mechanism/statement.ts';
import type { Trx, Values, Work } from '../resource.ts';
import { takeAddresses } from './address-allocation.ts';
import { networks } from './network-noun.ts';
import { addressPairs, dhcpOptions, requireSecurityFits } from './port-policy.ts';
import { ports } from './port-noun.ts';
import { bindingOf, hostAsked } from './port-binding-policy.ts';
import { requireGroupsSeen, defaultGroupOf, putIntoGroups } from './port-groups.ts';
import { hasWire, requireCarried, requirePolicySeen } from './qos-use.ts';
import { subnets as subnetNoun } from './subnet-noun.ts';
import { isRouted, subnetsAt } from './routed-network.ts';

/** Making a port: a MAC address, its addresses, its security groups. */
export interface PortNetwork {
  readonly id: string;
  readonly project_id: string;
  readonly port_security_enabled: boolean;
  readonly qos_policy_id: string | null;
  readonly subnets: readonly AddressSubnet[];
}

export const isTrusted = (deviceOwner: string): boolean => deviceOwner.startsWith('network:');

/** The first three bytes of every MAC address we make: locally administered, as in all OpenStack clouds. */
const MAC_PREFIX = 'fa:16:3e';
const MACS_TRIED_MAX = 16;
export const newMac = (): string => [MAC_PREFIX, ...Array.from(randomBytes(3), (byte) => byte.toString(16).padStart(2, '0'))].join(':');

export async function createPorts(work: Work, asked: readonly Values[]): Promise<string[]> {
  const known = new Map<string, Promise<PortNetwork>>();
  const ids = [];
  for (const values of asked) {
    const networkId = String(values['network_id']);
    if (!known.has(networkId)) known.set(networkId, portNetwork(work, networkId));
    ids.push(await createPort(work, await known.get(networkId)!, values));
  }
  return ids;
}

/** The network as its ports need it. @throws NetworkError 404 */
export async function portNetwork({ trx, actor }: Work, id: string): Promise<PortNetwork> {
  const at = statement(actor.projectId);
  const rows = await at.run<PortNetwork>(
    trx,
    `select t.id, t.project_id, t.port_security_enabled, t.qos_policy_id, coalesce((select json_agg(json_build_object('id', s.id,
       'ip_version', s.ip_version, 'cidr', s.cidr, 'gateway_ip', s.gateway_ip, 'ipv6_address_mode', s.ipv6_address_mode,
       'service_types', s.service_types, 'segment_id', s.segment_id,
       'physical_network', (select g.physical_network from network_segment g where g.id = s.segment_id), 'pools', (select coalesce(json_agg(json_build_object(
       'first', p.first, 'last', p.last)), '[]') from network_allocation_pool p where p.subnet_id = s.id)) order by s.created_at)
       from network_subnet s where s.network_id = t.id), '[]') as subnets
     from network t where t.id = ${at.bind(id)} and ${actor.seesAll ? 'true' : at.fill(networks.scope)}`,
  );
  if (rows[0] === undefined) throw networks.notFound(id);
  return rows[0];
}

export async function createPort(work: Work, network: PortNetwork, values: Values): Promise<string> {
  const { trx } = work;
  const owner = String(values['device_owner'] ?? '');
  const asked = values['fixed_ips'] as FixedIp[] | undefined;
  const isDeferred = asked === undefined && isRouted(network) && !values['binding:host_id'];
  const hasIp = !isDeferred && (asked === undefined ? network.subnets.length > 0 : asked.length > 0);
  const isSecure = isTrusted(owner) ? false : ((values['port_security_enabled'] as boolean | undefined) ?? network.port_security_enabled);
  const groups = values['security_groups'] as string[] | undefined;
  await requireSubnetsSeen(work, network, asked ?? []);
  requireSecurityFits({ isSecure, hasIp, groups: groups ?? [], pairs: (values['allowed_address_pairs'] as unknown[] | undefined) ?? [] });
  await requirePolicySeen(work, values['qos_policy_id']);
  if (groups !== undefined) await requireGroupsSeen(work, groups);
  const row = {
    ...values,
    port_security_enabled: isSecure,
    ip_allocation: isDeferred ? 'deferred' : hasIp ? 'immediate' : 'none',
    extra_dhcp_opts: dhcpOptions([], (values['extra_dhcp_opts'] as []) ?? []),
    ...bindingOf(values, {}, await datapathOf(trx, hostAsked(values))),
  };
  const { id, mac } = await insertPort(trx, row);
  await requirePolicyFits(trx, values['qos_policy_id'], network, {
    id,
    vnicType: values['binding:vnic_type'],
    host: values['binding:host_id'],
  });
  const facts = { networkId: network.id, mac, deviceOwner: owner };
  const subnets = await subnetsAt(trx, network, values['binding:host_id']);
  const wishes: AddressWish[] = isDeferred
    ? []
    : asked === undefined
      ? usualAddresses(subnets, facts)
      : askedAddresses(subnets, asked, facts);
  await takeAddresses(trx, network.id, id, wishes);
  const members = groups ?? (isSecure && !isTrusted(owner) ? [await defaultGroupOf(trx, String(values['project_id']))] : []);
  await putIntoGroups(trx, id, members);
  return id;
}

/** Of other networks they do not fit, which is said where addresses are chosen; unseen ones are not there. @throws NetworkError 404 */
export async function requireSubnetsSeen(work: Work, network: PortNetwork, asked: readonly FixedIp[]): Promise<void> {
  const known = new Set(network.subnets.map(({ id }) => id));
  for (const { subnet_id: id } of asked) if (id !== undefined && !known.has(id)) await mustSee(work, subnetNoun, id, { names: ['id'] });
}

async function insertPort(trx: Trx, values: Values): Promise<{ id: string; mac: string }> {
  const given = values['mac_address'] as string | null | undefined;
  for (let tried = 0; tried < MACS_TRIED_MAX; tried += 1) {
    const mac = given ?? newMac();
    const pairs = addressPairs((values['allowed_address_pairs'] as []) ?? [], mac);
    const [id] = await insertRows(trx, ports, [{ ...values, mac_address: mac, allowed_address_pairs: pairs }], { skipTaken: true });
    if (id !== undefined) return { id, mac };
    if (given !== undefined && given !== null) throw macInUse(String(values['network_id']), mac);
  }
  throw badInput(`Unable to generate unique mac on network ${String(values['network_id'])}`);
}

export const macInUse = (networkId: string, mac: string) =>
  conflict('MacAddressInUse', `Unable to complete operation for network ${networkId}. The mac address ${mac} is in use.`);

/** A policy of the network was looked at when it came there, but for ports on hosts. @throws NetworkError 409 */
export async function requirePolicyFits(
  trx: Trx,
  policyId: unknown,
  network: Pick<PortNetwork, 'id' | 'qos_policy_id'>,
  port: { readonly id: string; readonly vnicType: unknown; readonly host: unknown },
): Promise<void> {
  const isMetal = port.vnicType === 'baremetal';
  const isBound = typeof port.host === 'string' && port.host !== '';
  const effective = policyId ?? (isMetal || isBound ? network.qos_policy_id : null);
  if (effective === null) return;
  await requireCarried(trx, effective, { kind: 'port', id: port.id, hasWire: await hasWire(trx, network.id), isMetal, isBound });
}
