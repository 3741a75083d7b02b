import { formatIp, maskOf, parseIp, parsePrefix } from '../core/base/ip-address.ts';
import type { Json, JsonObject } from '../core/base/json.ts';

/*
 * A node's `network_data` (nova's network_data.json: links, networks, services) as words of the agent's kernel command line, for machines that boot by virtual
 * media where no DHCP server is: each static address is one word that the ramdisk's init reads. A network that asks for DHCP makes no word; where none is
 * static, the agent asks for an address as everywhere.
 *
 *   rackwright.ip=mac=52:54:00:00:00:01,address=192.0.2.5/24[,vlan=12][,mtu=9000][,gateway=192.0.2.1][,route=10.0.0.0/8@192.0.2.9]…[,dns=192.0.2.53]…
 */
export type AgentNetwork = readonly string[] | { readonly refused: string };

interface Way {
  readonly mac: string;
  readonly vlan?: number;
  readonly mtu?: number;
}

const list = (value: Json | undefined): readonly JsonObject[] => (Array.isArray(value) ? (value as JsonObject[]) : []);
const text = (value: Json | undefined): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** @returns words, none when nothing is static; or why the agent cannot have such a network */
export function agentNetwork(data: JsonObject): AgentNetwork {
  const links = new Map(list(data['links']).map((link) => [String(link['id']), link]));
  const servers = dnsOf(data['services']);
  const words: string[] = [];
  for (const network of list(data['networks'])) {
    if (network['type'] !== 'ipv4' && network['type'] !== 'ipv6') continue;
    const way = wayOf(links, String(network['link']));
    if ('refused' in way) return way;
    const word = wordOf(network, way, servers);
    if (typeof word !== 'string') return word;
    words.push(word);
  }
  return words;
}

function wayOf(links: ReadonlyMap<string, JsonObject>, id: string): Way | { readonly refused: string } {
  const link = links.get(id);
  if (link === undefined) return { refused: `network_data names the link ${JSON.stringify(id)}, which is not among its links` };
  const mtu = typeof link['mtu'] === 'number' ? { mtu: link['mtu'] } : {};
  if (link['type'] === 'bond')
    return { refused: `the link ${id} of network_data is a bond, which the agent does not make; give it one of its members` };
  if (link['type'] === 'vlan') {
    const below = wayOf(links, String(link['vlan_link']));
    const vlan = Number(link['vlan_id']);
    if ('refused' in below) return below;
    if (!Number.isInteger(vlan) || vlan < 1 || vlan > 4094)
      return { refused: `the link ${id} of network_data has no vlan_id from 1 to 4094` };
    if (below.vlan !== undefined) return { refused: `the link ${id} of network_data is a VLAN inside a VLAN` };
    return { ...below, ...mtu, vlan };
  }
  const mac = text(link['ethernet_mac_address']);
  if (mac === undefined || !MAC.test(mac)) return { refused: `the link ${id} of network_data has no ethernet_mac_address` };
  return { mac: mac.toLowerCase(), ...mtu };
}

function wordOf(network: JsonObject, way: Way, servers: readonly string[]): string | { readonly refused: string } {
  const name = `the network ${String(network['id'])} of network_data`;
  const address = prefixed(text(network['ip_address']), text(network['netmask']));
  if (address === undefined) return { refused: `${name} has no ip_address with a netmask or prefix length` };
  const parts = [`mac=${way.mac}`, `address=${address}`];
  if (way.vlan !== undefined) parts.push(`vlan=${way.vlan}`);
  if (way.mtu !== undefined) parts.push(`mtu=${way.mtu}`);
  const gateway = text(network['gateway']);
  const routes = [...(gateway === undefined ? [] : [{ network: '', gateway }]), ...list(network['routes'])];
  for (const route of routes) {
    const via = text(route['gateway']);
    const to = route['network'] === '' ? undefined : prefixed(text(route['network']), text(route['netmask']));
    if (via === undefined || parseIp(via) === undefined) return { refused: `${name} has a route without a gateway` };
    if (route['network'] !== '' && to === undefined) return { refused: `${name} has a route without a network` };
    parts.push(to === undefined || to.endsWith('/0') ? `gateway=${via}` : `route=${to}@${via}`);
  }
  for (const server of new Set([...dnsOf(network['services']), ...servers])) parts.push(`dns=${server}`);
  return `rackwright.ip=${parts.join(',')}`;
}

/** `192.0.2.5/24`, of an address with its length or beside a mask. */
function prefixed(address: string | undefined, netmask: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const [host = '', length] = address.split('/');
  const ip = parseIp(host);
  if (ip === undefined) return undefined;
  const bits = length ?? (netmask === undefined ? undefined : lengthOf(ip.version, netmask));
  return bits === undefined || parsePrefix(`${host}/${bits}`) === undefined ? undefined : `${host}/${bits}`;
}

/** `255.255.255.0`, `ffff:ffff::` or a length as text. */
function lengthOf(version: 4 | 6, netmask: string): string | undefined {
  if (/^\d{1,3}$/.test(netmask)) return netmask;
  const most = version === 4 ? 32 : 128;
  const canonical = parseIp(netmask);
  if (canonical === undefined) return undefined;
  for (let bits = 0; bits <= most; bits += 1)
    if (formatIp(version, maskOf(version, bits)) === formatIp(version, canonical.value)) return String(bits);
  return undefined;
}

const dnsOf = (services: Json | undefined): readonly string[] =>
  list(services).flatMap(({ type, address }) =>
    type === 'dns' && typeof address === 'string' && parseIp(address) !== undefined ? [address] : [],
  );
