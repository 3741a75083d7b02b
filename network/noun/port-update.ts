import { eui64, parsePrefix } from '../../core/base/ip-address.ts';
import { askedAddresses, usualAddresses, type AddressWish, type FixedIp } from '../address/port-address-policy.ts';
import { isAutomatic } from '../address/subnet-policy.ts';
import { badInput, conflict } from '../network-error.ts';
import { datapathOf } from '../network-host-service.ts';
import { asAnyone } from '../mechanism/seen.ts';
import { updateRow } from '../mechanism/row-write.ts';
import { query } from '../mechanism/statement.ts';
import type { Row, Trx, Values, Work } from '../resource.ts';
import { takeAddresses } from './address-allocation.ts';
import { bindingOf, hostAsked } from './port-binding-policy.ts';
import { macInUse, newMac, portNetwork, requirePolicyFits, requireSubnetsSeen, type PortNetwork } from './port-create.ts';
import { putIntoGroups, requireGroupsSeen } from './port-groups.ts';
import { addressPairs, dhcpOptions, requireSecurityFits, type AddressPair, type DhcpOption } from './port-policy.ts';
import { ports } from './port-noun.ts';
import { requireAddressesWork, subnetsAt } from './routed-network.ts';
import { requirePolicyChange } from './qos-use.ts';

/** Changing a port: what it has and keeps stays as it is, address by address. */
export async function updatePort(work: Work, before: Row, changes: Values): Promise<void> {
  const { trx } = work;
  const networkId = String(before['network_id']);
  const network = await portNetwork(asAnyone(work), networkId);
  const groups = changes['security_groups'] as string[] | undefined;
  await checkUpdate(work, network, before, changes);
  const mac = await newMacOf(trx, before, changes);
  const after: Values = { ...changes, ...bindingOf(changes, before, await datapathOf(trx, hostAsked(changes, before))) };
  if (changes['binding:host_id'] === null) after['binding:host_id'] = '';
  if (mac !== undefined) after['mac_address'] = mac;
  if (changes['extra_dhcp_opts'] !== undefined)
    after['extra_dhcp_opts'] = dhcpOptions(before['extra_dhcp_opts'] as DhcpOption[], changes['extra_dhcp_opts'] as DhcpOption[]);
  if (changes['allowed_address_pairs'] !== undefined)
    after['allowed_address_pairs'] = addressPairs(changes['allowed_address_pairs'] as AddressPair[], mac ?? String(before['mac_address']));
  const facts = {
    networkId,
    mac: mac ?? String(before['mac_address']),
    deviceOwner: String(changes['device_owner'] ?? before['device_owner']),
  };
  if (changes['fixed_ips'] !== undefined) {
    await requireSubnetsSeen(work, network, changes['fixed_ips'] as FixedIp[]);
    const host = changes['binding:host_id'] ?? before['binding:host_id'];
    const wishes = askedAddresses(await subnetsAt(trx, network, host), changes['fixed_ips'] as FixedIp[], facts);
    await changeAddresses(trx, network, before, wishes);
    after['ip_allocation'] = wishes.length > 0 ? 'immediate' : 'none';
  } else if (before['ip_allocation'] === 'deferred' && after['binding:host_id']) {
    const subnets = await subnetsAt(trx, network, after['binding:host_id']);
    await takeAddresses(trx, networkId, before.id, usualAddresses(subnets, facts));
    after['ip_allocation'] = 'immediate';
  } else if (after['binding:host_id']) await requireAddressesWork(trx, network, before.id, after['binding:host_id']);
  if (mac !== undefined && changes['fixed_ips'] === undefined) await moveAutomatic(trx, network, before, mac);
  if (groups !== undefined) {
    await requireGroupsSeen(work, groups);
    await query(trx, 'delete from network_port_security_group where port_id = $1', [before.id]);
    await putIntoGroups(trx, before.id, groups);
  }
  await updateRow(trx, ports, before.id, after);
}

/** What a policy that can not be carried out depends on. */
const DECIDE_POLICY = ['qos_policy_id', 'binding:vnic_type', 'binding:host_id'] as const;

async function checkUpdate(work: Work, network: PortNetwork, before: Row, changes: Values): Promise<void> {
  const groups = (changes['security_groups'] ?? before['security_groups']) as string[];
  const pairs = (changes['allowed_address_pairs'] ?? before['allowed_address_pairs']) as unknown[];
  const isSecure = (changes['port_security_enabled'] ?? before['port_security_enabled']) as boolean;
  if (changes['port_security_enabled'] === false && groups.length > 0 && changes['security_groups'] === undefined)
    throw conflict(
      'PortSecurityPortHasSecurityGroup',
      'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
    );
  requireSecurityFits({ isSecure, hasIp: true, groups: changes['security_groups'] === undefined ? [] : groups, pairs });
  await requirePolicyChange(work, before['qos_policy_id'], changes['qos_policy_id']);
  const after = { ...before, ...changes };
  const { qos_policy_id: policyId, 'binding:vnic_type': vnicType, 'binding:host_id': host } = after;
  if (DECIDE_POLICY.some((name) => after[name] !== before[name]))
    await requirePolicyFits(work.trx, policyId, network, { id: before.id, vnicType, host });
  const isBound = !['unbound', 'binding_failed'].includes(String(before['binding:vif_type']));
  const numa = changes['numa_affinity_policy'];
  if (isBound && numa !== undefined && numa !== before['numa_affinity_policy'])
    throw conflict(
      'PortBoundNUMAAffinityPolicy',
      `Unable to complete operation on port ${before.id}, port is already bound to host ${String(before['binding:host_id'])}, numa_affinity_policy value given ${String(numa)}.`,
    );
  if (
    String(before['device_owner']).startsWith('network:router') &&
    changes['device_id'] !== undefined &&
    changes['device_id'] !== before['device_id']
  )
    throw badInput(`The device of port ${before.id} is a router: detach it there`);
}

async function newMacOf(trx: Trx, before: Row, changes: Values): Promise<string | undefined> {
  if (!('mac_address' in changes)) return undefined;
  const mac = (changes['mac_address'] as string | null) ?? newMac();
  if (mac === before['mac_address']) return undefined;
  const networkId = String(before['network_id']);
  if (!['unbound', 'binding_failed'].includes(String(before['binding:vif_type'])))
    throw conflict(
      'PortBound',
      `Unable to complete operation on port ${before.id}, port is already bound, port type: ${String(before['binding:vif_type'])}, old_mac ${String(before['mac_address'])}, new_mac ${mac}.`,
    );
  const taken = await query(trx, 'select from network_port where network_id = $1 and mac_address = $2', [networkId, mac]);
  if (taken.length > 0) throw macInUse(networkId, mac);
  return mac;
}

interface Held {
  readonly subnet_id: string;
  readonly ip_address: string;
}

/** Addresses that are wished for again are kept; of the others, first those that go, then those that come. */
async function changeAddresses(trx: Trx, network: PortNetwork, before: Row, wishes: readonly AddressWish[]): Promise<void> {
  const held = [...(before['fixed_ips'] as Held[])];
  const kept: Held[] = [];
  const missing: AddressWish[] = [];
  const take = (matches: (each: Held) => boolean) => {
    const at = held.findIndex(matches);
    if (at >= 0) kept.push(...held.splice(at, 1));
    return at >= 0;
  };
  for (const wish of wishes.filter((each) => each.ip !== undefined)) if (!take((each) => each.ip_address === wish.ip)) missing.push(wish);
  for (const wish of wishes.filter((each) => each.ip === undefined))
    if (!take((each) => wish.subnets.some((subnet) => subnet.id === each.subnet_id))) missing.push(wish);
  await requireNoFloating(trx, before.id, held);
  await query(trx, 'delete from network_address where port_id = $1 and ip_address = any($2::inet[])', [
    before.id,
    held.map((each) => each.ip_address),
  ]);
  await takeAddresses(trx, network.id, before.id, missing, kept.length);
}

async function requireNoFloating(trx: Trx, portId: string, going: readonly Held[]): Promise<void> {
  if (going.length === 0) return;
  const rows = await query<{ id: string }>(
    trx,
    'select id from network_floatingip where port_id = $1 and fixed_ip_address = any($2::inet[]) limit 1',
    [portId, going.map((each) => each.ip_address)],
  );
  if (rows.length > 0)
    throw badInput(`Floating IP ${rows[0]!.id} is associated with an address of port ${portId} that would be taken away`);
}

/** Machines make their addresses of the new MAC address from now on. */
async function moveAutomatic(trx: Trx, network: PortNetwork, before: Row, mac: string): Promise<void> {
  for (const subnet of network.subnets.filter((each) => isAutomatic(each.ipv6_address_mode)))
    await query(trx, 'update network_address set ip_address = $3 where port_id = $1 and subnet_id = $2', [
      before.id,
      subnet.id,
      eui64(parsePrefix(subnet.cidr)!, mac),
    ]);
}
