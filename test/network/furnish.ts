import type { Tenant } from '../identity/identity-rig.ts';
import type { NetworkRig } from './network-rig.ts';

/** In every text that is ann's: no answer to anybody else may have it. */
export const SECRET = 'only-for-ann';
/** Of nothing. */
const UUID = 'd1ab0f0e-0000-4000-8000-00000000000a';

/** One of every noun for a member of a project: their ids by the path of the collection, those of parents by the name in the path. */
export async function furnish(rig: NetworkRig, ann: Tenant): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  const named = { name: SECRET, description: SECRET };
  const make = async (path: string, member: string, values: object, token = ann.token): Promise<string> =>
    (ids[path] = (await rig.make(token, path, member, values)).id);
  const network = await make('/networks', 'network', named);
  const subnet = await make('/subnets', 'subnet', { ...named, network_id: network, ip_version: 4, cidr: '10.0.0.0/24' });
  const outside = await rig.make(rig.admin, '/networks', 'network', { name: 'outside', 'router:external': true });
  ids['outside'] = outside.id;
  await rig.make(rig.admin, '/subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24' });
  const scope = await make('/address-scopes', 'address_scope', { name: SECRET, ip_version: 4 });
  await make('/subnetpools', 'subnetpool', { ...named, prefixes: ['10.8.0.0/16'], address_scope_id: scope });
  const port = await make('/ports', 'port', { ...named, network_id: network });
  const group = await make('/security-groups', 'security_group', named);
  await make('/security-group-rules', 'security_group_rule', { security_group_id: group, direction: 'ingress', description: SECRET });
  await make('/address-groups', 'address_group', { ...named, addresses: ['10.0.0.0/8'] });
  const router = await make('/routers', 'router', { ...named, external_gateway_info: { network_id: outside.id } });
  await rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: subnet });
  const helper = { protocol: 'udp', port: 69, helper: 'tftp' };
  ids['/conntrack_helpers'] = (await rig.make(ann.token, `/routers/${router}/conntrack_helpers`, 'conntrack_helper', helper)).id;
  const floating = await make('/floatingips', 'floatingip', { floating_network_id: outside.id, description: SECRET });
  const ip = ((await rig.expect(200, ann.token, 'GET', `/v2.0/ports/${port}`))['port']!['fixed_ips'] as { ip_address: string }[])[0]!
    .ip_address;
  const forwarding = {
    protocol: 'tcp',
    external_port: 22,
    internal_port: 22,
    internal_ip_address: ip,
    internal_port_id: port,
    description: SECRET,
  };
  ids['/port_forwardings'] = (await rig.make(ann.token, `/floatingips/${floating}/port_forwardings`, 'port_forwarding', forwarding)).id;
  await make('/rbac-policies', 'rbac_policy', {
    object_type: 'network',
    object_id: network,
    action: 'access_as_shared',
    target_tenant: 'some-project',
  });
  const parent = await rig.make(ann.token, '/ports', 'port', { network_id: network });
  await make('/trunks', 'trunk', { ...named, port_id: parent.id });
  const owned = { ...named, project_id: ann.projectId };
  const policy = await make('/qos/policies', 'policy', owned, rig.admin);
  Object.assign(ids, { '/policies': policy }, await rulesOf(rig, policy));
  await make('/local_ips', 'local_ip', { ...named, network_id: network });
  const label = await make('/metering/metering-labels', 'metering_label', owned, rig.admin);
  await make(
    '/metering/metering-label-rules',
    'metering_label_rule',
    { metering_label_id: label, direction: 'ingress', remote_ip_prefix: '10.0.0.0/8', project_id: ann.projectId },
    rig.admin,
  );
  await make('/log/logs', 'log', { ...owned, resource_type: 'security_group' }, rig.admin);
  Object.assign(ids, {
    policy_id: policy,
    router_id: router,
    floatingip_id: floating,
    port_id: port,
    local_ip_id: ids['/local_ips'],
    project_id: ann.projectId,
  });
  return ids;
}

/** One rule of each kind, under its policy and by its alias. */
async function rulesOf(rig: NetworkRig, policy: string): Promise<Record<string, string>> {
  const rules: Record<string, string> = {};
  for (const [kind, values] of Object.entries({
    bandwidth_limit: { max_kbps: 1000 },
    dscp_marking: { dscp_mark: 8 },
    minimum_packet_rate: { min_kpps: 5 },
    packet_rate_limit: { max_kpps: 5 },
  })) {
    const made = await rig.make(rig.admin, `/qos/policies/${policy}/${kind}_rules`, `${kind}_rule`, values);
    rules[`/${kind}_rules`] = made.id;
    rules[`/qos/alias_${kind}_rules`] = made.id;
  }
  return rules;
}

const parts = (path: string) => path.replace(/^\/v2\.0/, '').split('/');
/** A route's path with these ids: `:id` is the one of the collection just before it. */
export function fill(ids: Readonly<Record<string, string>>, path: string): string {
  const words = parts(path);
  const known = (at: number): string => {
    const before = words.slice(0, at);
    const collection = [before.join('/'), `/${before.at(-1)}`].find((each) => each in ids);
    return (collection === undefined ? undefined : ids[collection]) ?? UUID;
  };
  return `/v2.0${words.map((word, at) => (word.startsWith(':') ? (word === ':id' ? known(at) : (ids[word.slice(1)] ?? UUID)) : word)).join('/')}`;
}
