import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { contains, parseIp, parsePrefix, rangeOf } from '../../core/base/ip-address.ts';
import { ipv4InCidr, ipv4ToNumber, parseIpv4Cidr } from '../../core/base/ipv4-address.ts';
import { identitySettingsShape } from '../../identity/identity-settings.ts';
import { parseMacAddress } from '../../core/base/mac-address.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';

/*
 * What `serve` is told: defaults, then one YAML file, then the environment, then flags; later wins. Every mistake is
 * listed with its path, and nothing starts before all are mended.
 */
const ipv4 = z.string().refine((text) => ipv4ToNumber(text) !== undefined, 'is not an IPv4 address');
const mac = z
  .string()
  .refine((text) => parseMacAddress(text) !== undefined, 'is not a MAC address')
  .transform((text) => parseMacAddress(text)!);
const endpoint = z.string().regex(/^[^\s:]+:\d{1,5}$/, 'is not ADDRESS:PORT');
const remote = z.string().regex(/^(unix:.+|(tcp|ssl):.+:\d{1,5})$/, 'is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT');
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

const network = z
  .strictObject({
    name: z.string().min(1),
    cidr: z.string().refine((text) => parseIpv4Cidr(text) !== undefined, 'is not a network such as 10.77.0.0/24'),
    interface: z.string().optional(),
    server_address: ipv4,
    gateway: ipv4.optional(),
    dns_servers: z.array(ipv4).default([]),
    domain: z.string().optional(),
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

const shape = z.strictObject({
  listen: endpoint.default('127.0.0.1:5000'),
  roles: z
    .array(z.enum(['api', 'worker', 'boot']))
    .min(1)
    .default(['api', 'worker', 'boot']),
  database_url: z.string().optional(),
  secret_key: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is not 64 hex digits')
    .optional(),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** How clients reach the API, when that is not the listen address: it goes into the catalog and `clouds.yaml`. */
  public_url: z
    .url()
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  /** OpenStack's newer policies: scope and default roles are enforced in every service. */
  enforce_scope: z.boolean().default(false),
  identity: identitySettingsShape,
  power_sync_seconds: z.number().min(1).default(60),
  cleaning: z
    .strictObject({
      automated: z.boolean().default(true),
      step_priorities: z
        .record(z.string().regex(/^[a-z]+\.\w+$/, 'is not INTERFACE.STEP, such as deploy.erase_devices'), z.number().int().min(0))
        .default({}),
    })
    .prefault({}),
  network: z
    .strictObject({
      /** The databases of OVN that carry the networks out; without them networks are records only. */
      ovn: z
        .strictObject({
          northbound: z.array(remote).min(1),
          southbound: z.array(remote).min(1),
          /** Files in PEM form, for remotes that begin with ssl: */
          tls: z.strictObject({ key: z.string(), certificate: z.string(), ca: z.string() }).optional(),
        })
        .refine(
          ({ northbound, southbound, tls }) => tls !== undefined || ![...northbound, ...southbound].some((one) => one.startsWith('ssl:')),
          { path: ['tls'], message: 'is needed for remotes that begin with ssl:' },
        )
        .optional(),
    })
    .prefault({}),
  images: z
    .strictObject({
      /** Where bytes of images are kept; the first is the default. Default: one directory in the data folder. */
      stores: z
        .array(
          z.strictObject({
            id: z.string().regex(/^[a-z0-9_-]{1,64}$/, 'is not a name of a-z, 0-9, _ and -'),
            directory: z.string().min(1),
          }),
        )
        .default([]),
      /** Hosts that an import from the web must not reach. */
      forbidden_hosts: z.array(z.string()).default(['169.254.169.254', 'metadata.google.internal']),
    })
    .prefault({}),
  objects: z
    .strictObject({
      /** Where bytes of objects are kept; processes with one database need one that all of them see. Default: in the data folder. */
      directory: z.string().min(1).optional(),
    })
    .prefault({}),
  boot: z
    .strictObject({
      http_port: z.number().int().min(1).max(65535).default(8080),
      /** Where the agents reach the API, when it is not on this host: a boot role that runs apart. */
      agent_address: ipv4.optional(),
      agent_port: z.number().int().min(1).max(65535).default(5443),
      networks: z.array(network).default([]),
      /** What relays say of a port (option 82) → rack, network, pool. The first that fits counts. */
      relay_rules: z.array(relayRule).default([]),
      ipxe_directory: z.string().default('/usr/lib/ipxe'),
      image_directory: z.string().optional(),
      ramdisk_cache: z.string().optional(),
      kernel_arguments: z.string().default(''),
      /** Builds and serves the boot CD for nodes with the boot interface `redfish-virtual-media`. */
      virtual_media: z.boolean().default(false),
    })
    .prefault({}),
});

export type Configuration = z.infer<typeof shape> & { readonly dataDirectory: string };

export interface ServeFlags {
  readonly data: string;
  readonly config?: string;
  readonly listen?: string;
  readonly role?: string;
  readonly enforceScope?: boolean;
}

/** @throws CommandError (usage) that lists every mistake. */
export async function readConfiguration(flags: ServeFlags, environment: NodeJS.ProcessEnv): Promise<Configuration> {
  const path = flags.config ?? environment['RACKWRIGHT_CONFIG'];
  const file: unknown = path === undefined ? {} : await readYaml(path);
  const merged = {
    ...(file as object),
    ...(environment['DATABASE_URL'] ? { database_url: environment['DATABASE_URL'] } : {}),
    ...(environment['RACKWRIGHT_SECRET_KEY'] ? { secret_key: environment['RACKWRIGHT_SECRET_KEY'] } : {}),
    ...(environment['RACKWRIGHT_LISTEN'] ? { listen: environment['RACKWRIGHT_LISTEN'] } : {}),
    ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    ...(flags.enforceScope ? { enforce_scope: true } : {}),
    ...(flags.role === undefined ? {} : { roles: flags.role.split(',').map((role) => role.trim()) }),
  };
  const result = shape.safeParse(merged);
  if (result.success) return { ...result.data, dataDirectory: resolve(flags.data) };
  const mistakes = result.error.issues.map((issue) => `  ${issue.path.join('.') || '(top level)'}: ${issue.message}`);
  throw new CommandError(
    `the configuration has ${mistakes.length} mistake${mistakes.length === 1 ? '' : 's'}:\n${mistakes.join('\n')}`,
    EXIT_CODE.usage,
    path === undefined ? 'see: rackwright serve --help' : `mend ${path}`,
  );
}

async function readYaml(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new CommandError(`the configuration file can not be read: ${error.message}`, EXIT_CODE.usage);
  });
  try {
    return (parseYaml(text) as unknown) ?? {};
  } catch (error) {
    throw new CommandError(`${path} is no YAML: ${(error as Error).message}`, EXIT_CODE.usage);
  }
}
