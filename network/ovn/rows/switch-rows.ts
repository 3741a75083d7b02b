import {
  METADATA_OWNER,
  type DhcpFact,
  type GatewayHosts,
  type NetworkFact,
  type NetworkState,
  type PortFact,
  type SubnetFact,
} from '../network-state.ts';
import { METADATA_CIDRS, METADATA_NETWORK } from './desired-row.ts';
import { setOf, textMap, type Value } from '../../ovsdb/ovsdb-value-codec.ts';
import { desired, refer, referAll, type DesiredRow } from './desired-row.ts';
import { groupKey, isExternal, metalRows } from './metal-rows.ts';
import { metalFilters } from './metal-filter-rows.ts';
import { guaranteeOf, qosRows } from './qos-rows.ts';
import { isGuarded } from './security-rows.ts';

/*
 * Networks as logical switches, ports as their ports (named by the port's UUID, which a hypervisor gives as `iface-id`), subnets as the options that OVN's own DHCP
 * answers with, names as its DNS.
 */
const LEASE_SECONDS = 43_200;

export function switchRows(state: NetworkState, hosts: GatewayHosts): DesiredRow[] {
  const qos = qosRows(state);
  const qosRules = new Map(state.qosPolicies.map((policy) => [policy.id, policy.rules]));
  const filters = metalFilters(state, (network) => localnetRows(network).map(({ columns }) => String(columns['name'])));
  const rows: DesiredRow[] = [...metalRows(state, hosts), ...qos.rows, ...filters.rows];
  const hasHosts = hosts.chassis.length > 0;
  const portsOf = Map.groupBy(state.ports, (port) => port.networkId);
  const subnetsOf = Map.groupBy(state.subnets, (subnet) => subnet.networkId);
  const subnets = new Map(state.subnets.map((subnet) => [subnet.id, subnet]));
  for (const network of state.networks) {
    const ports = portsOf.get(network.id) ?? [];
    const keys = ports.map(({ id }) => `port:${id}`);
    const ways = localnetRows(network);
    keys.push(...ways.map(({ key }) => key));
    rows.push(...ways);
    const metadata = metadataOf(ports);
    for (const subnet of subnetsOf.get(network.id) ?? [])
      if (subnet.hasDhcp) rows.push(dhcpRow(subnet, network.mtu, metadata, `dhcp:${subnet.id}`, []));
    for (const port of ports) {
      const guarantee = guaranteeOf(port, qosRules.get(port.qosPolicyId ?? '') ?? []);
      rows.push(...portRows(port, subnets, network, { hasHosts, guarantee, metadata }));
    }
    const names = dnsRecords(ports);
    if (names.size > 0) rows.push(desired('DNS', `dns:${network.id}`, { records: { map: names } }));
    rows.push(
      desired(
        'Logical_Switch',
        `network:${network.id}`,
        {
          name: `network-${network.id}`,
          ports: referAll(keys),
          dns_records: referAll(names.size > 0 ? [`dns:${network.id}`] : []),
          acls: referAll(filters.byNetwork.get(network.id) ?? []),
          qos_rules: referAll(qos.byNetwork.get(network.id) ?? []),
          other_config: textMap({ mcast_snoop: 'false', 'vlan-passthru': 'false' }),
        },
        { 'rackwright:name': network.name },
      ),
    );
  }
  return rows;
}

/** A way out for each physical network: a host takes that which it is connected to. */
function localnetRows({ id, provider, moreProviders }: NetworkFact): DesiredRow[] {
  const ways = provider === null ? [] : [provider, ...moreProviders];
  return ways.map(({ physicalNetwork, vlan }, at) => {
    const more = at === 0 ? '' : `-${physicalNetwork}`;
    return desired('Logical_Switch_Port', `localnet:${id}${more}`, {
      name: `localnet-${id}${more}`,
      type: 'localnet',
      addresses: setOf(['unknown']),
      options: textMap({ network_name: physicalNetwork }),
      tag: setOf(vlan === null ? [] : [vlan]),
    });
  });
}

function dnsRecords(ports: readonly PortFact[]): Map<string, string> {
  const named = ports.filter(({ dnsName, addresses }) => dnsName !== null && dnsName !== '' && addresses.length > 0);
  return new Map(named.map(({ dnsName, addresses }) => [dnsName!.toLowerCase(), addresses.map(({ address }) => address).join(' ')]));
}

function portRows(
  port: PortFact,
  subnets: ReadonlyMap<string, SubnetFact>,
  network: NetworkFact,
  {
    hasHosts,
    guarantee,
    metadata,
  }: { readonly hasHosts: boolean; readonly guarantee: Readonly<Record<string, string>>; readonly metadata: MetadataAddresses },
): DesiredRow[] {
  const key = `port:${port.id}`;
  const isRouters = port.owner.startsWith('network:router_');
  const common = { name: port.id, enabled: setOf([port.isEnabled]) };
  if (isRouters) {
    // Who outside asked too early, or knew another router's MAC address, learns of a new floating address by itself.
    const announces = port.owner === 'network:router_gateway' ? { 'nat-addresses': 'router' } : {};
    const options = textMap({ 'router-port': `lrp-${port.id}`, ...announces });
    return [
      desired('Logical_Switch_Port', key, { ...common, type: 'router', addresses: setOf(['router']), port_security: setOf([]), options }),
    ];
  }
  if (port.owner === METADATA_OWNER) return [metadataRow(port, common, subnets)];
  const own = [port.mac, ...port.addresses.map(({ address }) => address)].join(' ');
  const extra = port.allowedPairs.map(({ address, mac }) => `${mac ?? port.mac} ${address}`);
  const options = dhcpOf(port, subnets, network, metadata);
  const external = isExternal(port, network.provider !== null);
  return [
    ...options.rows,
    desired('Logical_Switch_Port', key, {
      ...common,
      type: external ? 'external' : '',
      ha_chassis_group: referAll(external && hasHosts ? [groupKey(network.id)] : []),
      addresses: setOf([own, ...(port.hasPortSecurity ? [] : ['unknown'])]),
      port_security: setOf(isGuarded(port) && !external ? [own, ...extra] : []),
      parent_name: setOf(port.parent === null ? [] : [port.parent.portId]),
      tag: setOf(port.parent === null ? [] : [port.parent.vlan]),
      dhcpv4_options: options.v4,
      dhcpv6_options: options.v6,
      options: textMap({ ...(port.hostId === null || port.hostId === '' ? {} : { 'requested-chassis': port.hostId }), ...guarantee }),
    }),
  ];
}

/** By subnet: where each host answers for metadata. */
type MetadataAddresses = ReadonlyMap<string, string>;
const METADATA_ADDRESS = '169.254.169.254';

const metadataOf = (ports: readonly PortFact[]): MetadataAddresses =>
  new Map(ports.find(({ owner }) => owner === METADATA_OWNER)?.addresses.map(({ subnetId, address }) => [subnetId, address]));

/** Present on every host (ovn-nb(5), "localport"); hosts read there which addresses it has, and how wide their networks are. */
function metadataRow(port: PortFact, common: Readonly<Record<string, Value>>, subnets: ReadonlyMap<string, SubnetFact>): DesiredRow {
  const cidrs = port.addresses.map(({ subnetId, address }) => `${address}/${subnets.get(subnetId)!.cidr.split('/')[1]}`);
  const addresses = setOf([[port.mac, ...port.addresses.map(({ address }) => address)].join(' ')]);
  const ids = { [METADATA_CIDRS]: cidrs.join(' '), [METADATA_NETWORK]: port.networkId };
  return desired('Logical_Switch_Port', `port:${port.id}`, { ...common, type: 'localport', addresses }, ids);
}

/** A host answers machines that are on it; one that is on none yet, or on no host, is answered when anybody does. */
const isAnswered = ({ hostId, isMetal }: PortFact, { isServed, notAt }: DhcpFact): boolean =>
  hostId === null || isMetal ? isServed : !notAt.includes(hostId);

/** A port with options of its own has a row of its own. */
function dhcpOf(
  port: PortFact,
  subnets: ReadonlyMap<string, SubnetFact>,
  { mtu, dhcp }: NetworkFact,
  metadata: MetadataAddresses,
): { rows: DesiredRow[]; v4: Value; v6: Value } {
  const rows: DesiredRow[] = [];
  const forVersion = (version: 4 | 6): Value => {
    const subnet = port.addresses.map(({ subnetId }) => subnets.get(subnetId)).find((one) => one?.ipVersion === version && one.hasDhcp);
    if (subnet === undefined || (version === 6 && subnet.addressMode === 'slaac') || port.owner.startsWith('network:')) return setOf([]);
    if (!isAnswered(port, dhcp)) return setOf([]);
    const own = port.dhcpOptions.filter((one) => one.ipVersion === version);
    if (own.length === 0) return setOf([refer(`dhcp:${subnet.id}`)]);
    const key = `dhcp:${subnet.id}:${port.id}`;
    rows.push(dhcpRow(subnet, mtu, metadata, key, own));
    return setOf([refer(key)]);
  };
  return { v4: forVersion(4), v6: forVersion(6), rows };
}

/** dnsmasq's names, which clients write, for those of OVN (ovn-nb(5), "DHCP options"). */
const OVN_NAMES: Readonly<Record<string, string>> = {
  router: 'router',
  netmask: 'netmask',
  'dns-server': 'dns_server',
  'domain-name': 'domain_name',
  'domain-search': 'domain_search_list',
  'ntp-server': 'ntp_server',
  'tftp-server': 'tftp_server',
  'tftp-server-address': 'tftp_server_address',
  'server-ip-address': 'tftp_server_address',
  'bootfile-name': 'bootfile_name',
  mtu: 'mtu',
  'lease-time': 'lease_time',
  'log-server': 'log_server',
  'classless-static-route': 'classless_static_route',
  'path-prefix': 'path_prefix',
  wpad: 'wpad',
  hostname: 'hostname',
};
const QUOTED = new Set(['domain_name', 'domain_search_list', 'tftp_server', 'bootfile_name', 'path_prefix', 'wpad', 'hostname']);

function dhcpRow(subnet: SubnetFact, mtu: number, metadata: MetadataAddresses, key: string, own: PortFact['dhcpOptions']): DesiredRow {
  const options: Record<string, string> =
    subnet.ipVersion === 4 ? dhcpv4Options(subnet, mtu, metadata.get(subnet.id)) : dhcpv6Options(subnet);
  for (const { name, value } of own) {
    const ovnName = OVN_NAMES[name];
    if (ovnName !== undefined) options[ovnName] = QUOTED.has(ovnName) ? `"${value.replaceAll('"', '')}"` : value;
  }
  return desired('DHCP_Options', key, { cidr: subnet.cidr, options: textMap(options) });
}

function dhcpv4Options(
  { id, cidr, gateway, dnsServers, routes }: SubnetFact,
  mtu: number,
  metadata: string | undefined,
): Record<string, string> {
  const server = gateway ?? cidr.split('/')[0]!;
  const all = [
    ...(metadata === undefined ? [] : [`${METADATA_ADDRESS}/32,${metadata}`]),
    ...routes.map(({ destination, nexthop }) => `${destination},${nexthop}`),
    ...(gateway === null ? [] : [`0.0.0.0/0,${gateway}`]),
  ];
  return {
    server_id: server,
    server_mac: macOf(id),
    lease_time: String(LEASE_SECONDS),
    mtu: String(mtu),
    ...(gateway === null ? {} : { router: gateway }),
    ...(dnsServers.length === 0 ? {} : { dns_server: `{${dnsServers.join(', ')}}` }),
    // Who reads option 121 ignores the router's (RFC 3442), so the default route stands there too.
    ...(routes.length === 0 && metadata === undefined ? {} : { classless_static_route: `{${all.join(', ')}}` }),
  };
}

function dhcpv6Options({ id, dnsServers, addressMode }: SubnetFact): Record<string, string> {
  return {
    server_id: macOf(id),
    ...(dnsServers.length === 0 ? {} : { dns_server: `{${dnsServers.join(', ')}}` }),
    ...(addressMode === 'dhcpv6-stateless' ? { dhcpv6_stateless: 'true' } : {}),
  };
}

/** A locally administered address that is the subnet's for ever. */
export const macOf = (uuid: string): string => `fa:16:3e${uuid.replaceAll('-', '').slice(0, 6).replace(/../g, ':$&')}`;
