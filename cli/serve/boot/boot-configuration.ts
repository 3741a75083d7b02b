import { z } from 'zod';
import { contains, parseIp, parsePrefix, rangeOf } from '../../../core/base/ip-address.ts';
import { ipv4InCidr, ipv4ToNumber, parseIpv4Cidr } from '../../../core/base/ipv4-address.ts';
import { parseMacAddress } from '../../../core/base/mac-address.ts';
import { encodeTypedOption, isFreeOptionCode, type TypedOption } from '../../../pxe/typed-option-codec.ts';

/* The boot plane's part of the configuration: networks, and who gets what on them. */
const ipv4 = z.string().refine((text) => ipv4ToNumber(text) !== undefined, 'is not an IPv4 address');
const mac = z
  .string()
  .refine((text) => parseMacAddress(text) !== undefined, 'is not a MAC address')
  .transform((text) => parseMacAddress(text)!);
const range = z
  .string()
  .regex(/^\S+\s*-\s*\S+$/, 'is not FIRST-LAST')
  .transform((text) => text.split('-').map((part) => part.trim()) as [string, string]);

const ipv6 = z.string().refine((text) => parseIp(text)?.version === 6, 'is not an IPv6 address');

/** The same wire over IPv6: DHCPv6 and what router advertisements say. */
const network6 = z
  .strictObject({
    cidr: z.string().refine((text) => text.includes('/') && parsePrefix(text)?.version === 6, 'is not a network such as fd00:77::/64'),
    server_address: ipv6,
    dns_servers: z.array(ipv6).default([]),
    ntp_servers: z.array(ipv6).default([]),
    domain_search: z.array(z.string().regex(/^(?=.{1,253}$)[^\s.]{1,63}(\.[^\s.]{1,63})*$/, 'is not a domain name')).default([]),
    pools: z.array(range).default([]),
    discovery_pool: range.optional(),
    /** MAC → address, for machines that are known. */
    reservations: z.record(mac, ipv6).default({}),
    router_advertisements: z
      .strictObject({
        /** The M flag: addresses are to be had by DHCPv6. */
        managed: z.boolean().default(true),
        /** The O flag: other settings are. */
        other_configuration: z.boolean().default(true),
        /** 0: this host is no default router. */
        router_lifetime_seconds: z.number().int().min(0).max(9000).default(0),
      })
      .prefault({}),
  })
  .superRefine((given, issues) => {
    const prefix = parsePrefix(given.cidr);
    if (prefix?.version !== 6) return;
    const all: [string, string][] = [
      ['server_address', given.server_address],
      ...given.pools.flat().map((at): [string, string] => ['pools', at]),
      ...(given.discovery_pool ?? []).map((at): [string, string] => ['discovery_pool', at]),
      ...Object.values(given.reservations).map((at): [string, string] => ['reservations', at]),
    ];
    for (const [path, address] of all) {
      const ip = parseIp(address);
      if (ip === undefined || !contains(rangeOf(prefix), ip))
        issues.addIssue({ code: 'custom', path: [path], message: `${address} is not an address of ${given.cidr}` });
    }
  });

/** Bytes in hex; what is no value of its kind is told with its reason. */
function encoded(value: TypedOption, context: z.RefinementCtx): string {
  const bytes = encodeTypedOption(value);
  if (Buffer.isBuffer(bytes)) return bytes.toString('hex');
  context.addIssue({ code: 'custom', message: bytes.reason });
  return z.NEVER;
}

const route = z.strictObject({ to: z.string(), via: z.string() });
const optionValue = z
  .union([
    z.strictObject({ text: z.string() }),
    z.strictObject({ hex: z.string() }),
    z.strictObject({ addresses: z.array(z.string()).min(1) }),
    z.strictObject({ uint8: z.number() }),
    z.strictObject({ uint16: z.number() }),
    z.strictObject({ uint32: z.number() }),
    z.strictObject({ flag: z.boolean() }),
    z.strictObject({ domains: z.array(z.string()).min(1) }),
    z.strictObject({ routes: z.array(route).min(1) }),
  ])
  .transform(encoded);

const addressesOption = z
  .array(ipv4)
  .min(1)
  .transform((addresses, context) => encoded({ addresses }, context));
const domainsOption = z
  .array(z.string())
  .min(1)
  .transform((domains, context) => encoded({ domains }, context));
const routesOption = z
  .array(route)
  .min(1)
  .transform((routes, context) => encoded({ routes }, context));

/** DHCPv4 options by code. */
const options = z.record(z.string(), optionValue).superRefine((given, issues) => {
  for (const code of Object.keys(given))
    if (!isFreeOptionCode(Number(code)))
      issues.addIssue({ code: 'custom', path: [code], message: 'is not the code of an option that can be set' });
});

const clientClass = z
  .strictObject({
    name: z.string().min(1),
    /** Option 60, 77: a `*` at the end stands for any ending. */
    vendor_class: z.string().min(1).optional(),
    user_class: z.string().min(1).optional(),
    /** Option 93. */
    architectures: z.array(z.number().int().min(0).max(65535)).min(1).optional(),
    networks: z.array(z.string()).min(1).optional(),
    options: options.default({}),
    /** A TFTP path or a whole URL, instead of iPXE. */
    boot_file: z.string().min(1).max(255).optional(),
  })
  .refine(
    (one) => (one.vendor_class ?? one.user_class ?? one.architectures ?? one.networks) !== undefined,
    'needs a vendor_class, a user_class, architectures or networks to know its members by',
  );

const network = z
  .strictObject({
    name: z.string().min(1),
    cidr: z.string().refine((text) => parseIpv4Cidr(text) !== undefined, 'is not a network such as 10.77.0.0/24'),
    interface: z.string().optional(),
    server_address: ipv4,
    gateway: ipv4.optional(),
    dns_servers: z.array(ipv4).default([]),
    domain: z.string().optional(),
    /** Options 42, 119 and 121. */
    ntp_servers: addressesOption.optional(),
    domain_search: domainsOption.optional(),
    routes: routesOption.optional(),
    options: options.default({}),
    pools: z.array(range).default([]),
    discovery_pool: range.optional(),
    /** MAC → address, for machines that are known. */
    reservations: z.record(mac, ipv4).default({}),
    lease_seconds: z.number().int().min(60).default(3600),
    router_advertisements: z.boolean().default(true),
    /** Ask after addresses before they are offered for the first time. */
    probe_addresses: z.boolean().default(true),
    /** Another DHCP server gives the addresses: boot files only, for known machines, for everyone, or so that strangers are enrolled. */
    proxy: z.enum(['known', 'everyone', 'enroll']).optional(),
    /** UEFI machines get shim and GRUB instead of iPXE, which Secure Boot refuses. Machines that are known to have it on get them anyway. */
    signed_loaders: z.boolean().default(false),
    /**
     * Instances on this network get metadata at 169.254.169.254, which this host takes for itself. Not by default: a host that is
     * in a cloud itself asks its own cloud there.
     */
    metadata: z.boolean().default(false),
    ipv6: network6.optional(),
  })
  .superRefine((given, issues) => {
    const cidr = parseIpv4Cidr(given.cidr);
    if (cidr === undefined) return;
    if (
      given.proxy !== undefined &&
      (given.pools.length > 0 || given.discovery_pool !== undefined || Object.keys(given.reservations).length > 0)
    )
      issues.addIssue({
        code: 'custom',
        path: ['proxy'],
        message: 'gives no addresses: pools, discovery_pool and reservations are the other server’s',
      });
    if (given.proxy !== undefined && given.metadata)
      issues.addIssue({ code: 'custom', path: ['metadata'], message: 'needs a way to it, which is the other DHCP server’s to give' });
    const inside = (text: string) => ipv4InCidr(ipv4ToNumber(text) ?? 0, cidr);
    const all: [string, string][] = [
      ['server_address', given.server_address],
      ...given.pools.flat().map((at): [string, string] => ['pools', at]),
      ...(given.discovery_pool ?? []).map((at): [string, string] => ['discovery_pool', at]),
      ...Object.values(given.reservations).map((at): [string, string] => ['reservations', at]),
    ];
    for (const [path, address] of all) {
      if (!inside(address)) issues.addIssue({ code: 'custom', path: [path], message: `${address} is not an address of ${given.cidr}` });
    }
  });

/** Text, or `0x…` for bytes that are none; a `*` at the end stands for any ending. */
const identifier = z.string().min(1).max(255);

const relayRule = z
  .strictObject({
    circuit_id: identifier.optional(),
    remote_id: identifier.optional(),
    /** The VPN that the relay says its client is in (RFC 6607). */
    vpn: identifier.optional(),
    rack: z.string().min(1),
    /** Name of one of `networks`; default: the relay's address tells. */
    network: z.string().optional(),
    pool: range.optional(),
  })
  .refine((rule) => (rule.circuit_id ?? rule.remote_id ?? rule.vpn) !== undefined, 'needs a circuit_id, a remote_id or a vpn');

/** What `boot:` says. */
export const bootShape = z
  .strictObject({
    http_port: z.number().int().min(1).max(65535).default(8080),
    /** Where the agents reach the API, when it is not on this host: a boot role that runs apart. */
    agent_address: ipv4.optional(),
    /** The same for machines that boot over IPv6. */
    agent_address6: ipv6.optional(),
    agent_port: z.number().int().min(1).max(65535).default(5443),
    networks: z.array(network).default([]),
    /** Serve names of machines (port 53 on each server_address): forward below each network's domain, and reverse. */
    dns: z.boolean().default(false),
    /** What relays say of a port (option 82) → rack, network, pool. The first that fits counts. */
    relay_rules: z.array(relayRule).default([]),
    classes: z.array(clientClass).default([]),
    /** Relays that may ask who has an address (RFC 4388). */
    lease_queries_from: z.array(ipv4).default([]),
    /** MAC → options of machines that are known. */
    machine_options: z.record(mac, options).default({}),
    ipxe_directory: z.string().default('/usr/lib/ipxe'),
    image_directory: z.string().optional(),
    ramdisk_cache: z.string().optional(),
    kernel_arguments: z.string().default(''),
    /** Also a deploy agent for 64-bit ARM machines: 70 MB to fetch, the build of half a minute. */
    arm64: z.boolean().default(false),
    /** Builds and serves the boot CD for nodes with the boot interface `redfish-virtual-media`. */
    virtual_media: z.boolean().default(false),
  })
  .prefault({});

/** Where machines of all networks find their boot server once they have an address: by IPv4, and by IPv6 where that is served. */
export function bootServerAddresses({ networks }: z.infer<typeof bootShape>): readonly string[] {
  const address6 = networks.find(({ ipv6 }) => ipv6 !== undefined)?.ipv6?.server_address;
  return [...(networks[0] === undefined ? [] : [networks[0].server_address]), ...(address6 === undefined ? [] : [address6])];
}
