/** What a port shows and does not store: SQL over a row `t` of `network_port`. */
const list = (inner: string) => `('[' || coalesce(${inner}, '') || ']')`;

export const FIXED_IPS = list(`(select string_agg(concat('{"subnet_id":"', a.subnet_id, '","ip_address":"', host(a.ip_address), '"}'), ','
  order by a.position) from network_address a where a.port_id = t.id)`);

export const SECURITY_GROUPS = list(`(select string_agg('"' || g.security_group_id || '"', ',') from network_port_security_group g
  where g.port_id = t.id)`);

/** The domain that guests get by DHCP. */
const DOMAIN = 'openstacklocal.';
const HOST = `coalesce(nullif(t.dns_name, ''), 'host-' || translate(host(a.ip_address), '.:', '--'))`;
/** A DNS name has no character that JSON would escape. */
export const DNS_ASSIGNMENT = list(`(select string_agg(concat('{"ip_address":"', b.ip, '","hostname":"', b.name, '","fqdn":"', b.name,
    case when b.name like '%.' then '' else '.${DOMAIN}' end, '"}'), ',')
  from (select host(a.ip_address) as ip, ${HOST} as name from network_address a where a.port_id = t.id order by a.position) b)`);

/** Asked once for a whole list, not for each row: most clouds have few of these. */
const onlyIfAny = (rows: string, inner: string) => `(case when (select true from ${rows} limit 1) then ${inner} end)`;

export const TRUNK_DETAILS = onlyIfAny(
  'network_trunk',
  `(select json_build_object('trunk_id', k.id, 'sub_ports', coalesce((select json_agg(json_build_object(
    'segmentation_id', s.segmentation_id, 'segmentation_type', s.segmentation_type, 'port_id', s.port_id, 'mac_address', p.mac_address)
    order by s.segmentation_id) from network_subport s join network_port p on p.id = s.port_id where s.trunk_id = k.id), '[]'))
  from network_trunk k where k.port_id = t.id)`,
);

/** A router's ports are not the network's users: its policy is not theirs. */
export const NETWORK_POLICY = onlyIfAny(
  'network where qos_policy_id is not null',
  `(select n.qos_policy_id from network n where n.id = t.network_id and t.device_owner not like 'network:%')`,
);

const trait = (text: string) => `upper(regexp_replace(${text}, '[^A-Za-z0-9_]', '_', 'g'))`;
const VNIC = `'CUSTOM_VNIC_TYPE_' || ${trait('t.vnic_type')}`;
const PHYSNET = `(select case when s.physical_network is null then 'CUSTOM_NETWORK_TUNNEL_PROVIDER' else 'CUSTOM_PHYSNET_' || ${trait('s.physical_network')} end
  from network_segment s where s.network_id = t.network_id order by s.position limit 1)`;
const POLICY = `coalesce(t.qos_policy_id, ${NETWORK_POLICY})`;
const group = (kind: string, required: string, resources: string) =>
  `select md5(t.id::text || '${kind}')::uuid as id, json_build_array(${required}) as required, json_object_agg(${resources}) as resources
   from network_qos_rule r where r.qos_policy_id = ${POLICY} and r.kind = '${kind}' having count(*) > 0`;
const BANDWIDTH = group(
  'minimum_bandwidth',
  `${PHYSNET}, ${VNIC}`,
  `case r.direction when 'ingress' then 'NET_BW_IGR_KILOBIT_PER_SEC' else 'NET_BW_EGR_KILOBIT_PER_SEC' end, r.min_kbps`,
);
const PACKETS = group(
  'minimum_packet_rate',
  VNIC,
  `case r.direction when 'ingress' then 'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC' when 'egress' then 'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC'
   else 'NET_PACKET_RATE_KILOPACKET_PER_SEC' end, r.min_kpps`,
);
/** What placement has to find for the port: bandwidth of its physical network, packets of its host. */
export const RESOURCE_REQUEST = `(case when ${POLICY} is null then null else (select json_build_object('request_groups', json_agg(g),
  'same_subtree', json_agg(g.id)) from (${BANDWIDTH} union all ${PACKETS}) g having count(*) > 0) end)`;
