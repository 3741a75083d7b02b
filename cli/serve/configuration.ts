import { isIP } from 'node:net';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { isForbiddable } from '../../core/transfer/web-source.ts';
import { identitySettingsShape } from '../../identity/identity-settings.ts';
import { bootShape } from './boot/boot-configuration.ts';
import { fingerprint, switchesShape } from './switch/switch-configuration.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';

/*
 * What `serve` is told: defaults, then one YAML file, then the environment, then flags; later wins. Every mistake is
 * listed with its path, and nothing starts before all are mended.
 */
const endpoint = z.string().regex(/^[^\s:]+:\d{1,5}$/, 'is not ADDRESS:PORT');
/** Also `[::1]:162`. */
const endpointOfAny = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:]+):\d{1,5}$/, 'is not ADDRESS:PORT');
const remote = z.string().regex(/^(unix:.+|(tcp|ssl):.+:\d{1,5})$/, 'is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT');
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;
export const isOfThisHost = (endpointOrSocket: string): boolean =>
  endpointOrSocket.startsWith('unix:') || LOOPBACK.test(splitEndpoint(endpointOrSocket).host);
/** Metadata has secrets in it. */
const isPrivate = (url: string): boolean => /^(unix|https):/.test(url) || LOOPBACK.test(new URL(url).hostname);
const unixSocket = z.string().regex(/^unix:\/.+/, 'is not unix:PATH');
const storeId = z
  .string()
  .regex(/^[a-z0-9_-]{1,64}$/, 'is not a name of a-z, 0-9, _ and -')
  .refine((id) => id !== 'near', 'is the name of what is kept near machines');
const imageStoreShape = z.union([
  z.strictObject({ id: storeId, directory: z.string().min(1) }),
  z.strictObject({
    id: storeId,
    /** A bucket that is there already, named in the path of its addresses. */
    s3: z.strictObject({
      endpoint: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
      bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not the name of a bucket'),
      prefix: z.string().max(200).default('images/'),
      region: z.string().min(1).default('us-east-1'),
      /** In the form of AWS's tools, with a profile [default]; read at the start. */
      credentials_file: z.string().min(1),
      ca_file: z.string().min(1).optional(),
    }),
  }),
]);
const shape = z.strictObject({
  listen: endpoint.default('127.0.0.1:5000'),
  roles: z
    .array(z.enum(['api', 'worker', 'boot', 'metadata']))
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
  bmc_events: z
    .strictObject({
      /** Listen to BMCs that tell by themselves. */
      enabled: z.boolean().default(true),
      /** Where BMCs without a stream post theirs, over TLS; without it they are only read. */
      listen: endpoint.optional(),
      /** How BMCs reach that, when it is not the listen address. */
      public_url: z
        .url({ protocol: /^https$/ })
        .transform((url) => url.replace(/\/+$/, ''))
        .optional(),
      /** Platform event traps of IPMI BMCs, which send them to UDP port 162. */
      traps: z
        .strictObject({
          listen: endpointOfAny,
          /** How BMCs reach that, when it is not the listen address. */
          address: z.union([z.ipv4(), z.ipv6()]).optional(),
          /** The same for BMCs that are reached over IPv6, when `address` is IPv4. */
          address6: z.ipv6().optional(),
          /** BMCs of these networks reach only a process of the role boot, at this address: its `listen` takes their traps. */
          racks: z
            .array(z.strictObject({ address: z.union([z.ipv4(), z.ipv6()]), bmcs: z.array(z.union([z.cidrv4(), z.cidrv6()])).min(1) }))
            .default([]),
          /** The word that a BMC puts on all its traps, to others too. */
          community: z
            .string()
            .regex(/^[\x21-\x7e]{1,18}$/, 'is not 1 to 18 visible characters')
            .default('public'),
          /** BMCs are set up to send theirs here, and told otherwise when this ends; otherwise somebody else does that. */
          enroll: z.boolean().default(true),
        })
        .refine(({ listen, address }) => address !== undefined || isIP(splitEndpoint(listen).host.replace(/^\[|\]$/g, '')) !== 0, {
          path: ['address'],
          message: 'is needed when listen is not an address',
        })
        .refine(({ listen, address }) => address !== undefined || !['0.0.0.0', '[::]'].includes(splitEndpoint(listen).host), {
          path: ['address'],
          message: 'is needed when every address is listened on',
        })
        .optional(),
    })
    .prefault({}),
  /** Who signs certificates for keys that BMCs made; without files an authority of this installation. */
  bmc_certificates: z
    .strictObject({
      authority: z.strictObject({ certificate_file: z.string().min(1), key_file: z.string().min(1) }).optional(),
      days: z.number().int().min(1).max(3650).default(825),
    })
    .prefault({}),
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
      /** By UUID or name; a node's `driver_info` wins. Without one of a kind the provisioning network serves. */
      provisioning_network: z.string().min(1).optional(),
      cleaning_network: z.string().min(1).optional(),
      rescuing_network: z.string().min(1).optional(),
      inspection_network: z.string().min(1).optional(),
      servicing_network: z.string().min(1).optional(),
      /** How long a machine waits for its switch before its deployment or cleaning fails. */
      switch_timeout_seconds: z.number().min(1).max(86_400).default(300),
    })
    .prefault({}),
  /** Switches that machines with `network_interface` neutron are plugged into. */
  switches: switchesShape,
  images: z
    .strictObject({
      /** Where bytes of images are kept; the first is the default. Default: one directory in the data folder. */
      stores: z.array(imageStoreShape).default([]),
      /** The format that disks have after an import; default: as they come. */
      convert_imports_to: z.enum(['raw', 'qcow2', 'vmdk']).optional(),
      /** Glance's file of who may see and change which additional properties, and whether it names roles or policies. */
      property_protection_file: z.string().min(1).optional(),
      property_protection_rule_format: z.enum(['roles', 'policies']).default('roles'),
      /** Hosts that imports, locations and firmware that goes to a BMC through us must not come from: names, addresses; networks for images. */
      forbidden_hosts: z
        .array(z.string().refine(isForbiddable, 'is not a name, an address or a network such as 10.0.0.0/8'))
        .default(['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254', 'metadata.google.internal']),
    })
    .prefault({}),
  metadata: z
    .strictObject({
      /** A JSON object that every instance gets as vendor data, on its config drive too. */
      vendor_data_file: z.string().min(1).optional(),
      /** Where proxies on hypervisors ask, and the secret that they sign with. By TLS, unless it is on this host alone. */
      listen: z.union([endpoint, unixSocket]).optional(),
      proxy_secret_file: z.string().min(1).optional(),
      /** Files in PEM form of what is shown there; default: the certificate that agents of machines pin. */
      tls: z.strictObject({ key: z.string().min(1), certificate: z.string().min(1) }).optional(),
      /** Of the role metadata, on a hypervisor: where it asks, and the host's own switch. */
      hypervisor: z
        .strictObject({
          service: z.union([z.url({ protocol: /^https?$/ }), unixSocket]).refine(isPrivate, 'is neither https nor on this host'),
          certificate_sha256: fingerprint.optional(),
          /** A file in PEM form; without it and without `certificate_sha256` the system's CAs are trusted. */
          ca: z.string().min(1).optional(),
          open_vswitch: remote.default('unix:/run/openvswitch/db.sock'),
          bridge: z.string().min(1).default('br-int'),
        })
        .optional(),
    })
    .refine(({ hypervisor, proxy_secret_file: secret }) => hypervisor === undefined || secret !== undefined, {
      path: ['proxy_secret_file'],
      message: 'is needed with hypervisor: what it asks it has to sign',
    })
    .refine(({ listen, proxy_secret_file: secret }) => listen === undefined || secret !== undefined, {
      path: ['proxy_secret_file'],
      message: 'is needed with listen: whoever asks there has to sign',
    })
    .prefault({}),
  objects: z
    .strictObject({
      /** Where bytes of objects are kept; processes with one database need one that all of them see. Default: in the data folder. */
      directory: z.string().min(1).optional(),
    })
    .prefault({}),
  boot: bootShape,
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

export function splitEndpoint(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}
