import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseMacAddress } from '../../../core/base/mac-address.ts';
import { Secret } from '../../../core/base/secret.ts';
import type { SwitchSettings } from '../../../network/switch/connect-switch.ts';

/** `switches:` of the configuration: how each is reached, and what of it may be changed. */
const mac = z.string().transform((text, context) => {
  const parsed = parseMacAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'is not a MAC address' });
  return z.NEVER;
});
export const fingerprint = z.string().regex(/^([0-9a-f]{2}:?){32}$/i, 'is not the SHA-256 of a certificate');
const common = {
  name: z.string().min(1).max(255),
  /** As its LLDP says: machines' ports name it so. */
  chassis_mac: mac,
  physical_network: z.string().min(1).max(64),
  /** Of the ports that machines are said to be plugged into, only these may be changed; `*` stands for any characters. */
  ports: z.array(z.string().min(1)).min(1).optional(),
};
const eos = z.strictObject({
  ...common,
  driver: z.literal('eos'),
  /** HOST or HOST:PORT of eAPI. */
  address: z.string().regex(/^[^\s:]+(:\d{1,5})?$/, 'is not HOST or HOST:PORT'),
  username: z.string().min(1),
  /** A file with nothing but the password. */
  password_file: z.string().min(1),
  certificate_sha256: fingerprint.optional(),
  /** A file in PEM form; without it and without `certificate_sha256` the system's CAs are trusted. */
  ca: z.string().min(1).optional(),
  /** Whether a change is written to the switch's startup configuration. */
  save: z.boolean().default(true),
});
const ovs = z
  .strictObject({
    ...common,
    driver: z.literal('ovs'),
    address: z.string().regex(/^(unix:.+|(tcp|ssl):.+:\d{1,5})$/, 'is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT'),
    bridge: z.string().min(1),
    /** Files in PEM form, for an address that begins with ssl: */
    tls: z.strictObject({ key: z.string(), certificate: z.string(), ca: z.string() }).optional(),
  })
  .refine(({ address, tls }) => tls !== undefined || !address.startsWith('ssl:'), {
    path: ['tls'],
    message: 'is needed for an address that begins with ssl:',
  });

const isUnique = (values: readonly string[]) => new Set(values).size === values.length;
export const switchesShape = z
  .array(z.discriminatedUnion('driver', [eos, ovs]))
  .default([])
  .refine(
    (all) => isUnique(all.map(({ name }) => name)) && isUnique(all.map((one) => one.chassis_mac)),
    'has a name or a chassis_mac twice',
  );

const HTTPS_PORT = 443;

/** @throws when a file can not be read */
export async function readSwitches(switches: z.infer<typeof switchesShape>): Promise<SwitchSettings[]> {
  const file = (path: string) => readFile(path, 'utf8');
  return Promise.all(
    switches.map(async (one): Promise<SwitchSettings> => {
      const facts = { name: one.name, chassisMac: one.chassis_mac, physicalNetwork: one.physical_network, touches: one.ports ?? null };
      if (one.driver === 'ovs') {
        const { tls } = one;
        const pem =
          tls === undefined ? {} : { tls: { key: await file(tls.key), cert: await file(tls.certificate), ca: await file(tls.ca) } };
        return { ...facts, access: { driver: 'ovs', remotes: [one.address], bridge: one.bridge, ...pem } };
      }
      const [host, port] = one.address.split(':');
      const trust = {
        ...(one.certificate_sha256 === undefined ? {} : { certificateSha256: one.certificate_sha256 }),
        ...(one.ca === undefined ? {} : { ca: await file(one.ca) }),
      };
      const password = new Secret((await file(one.password_file)).trim());
      const access = {
        host: host!,
        port: Number(port ?? HTTPS_PORT),
        username: one.username,
        password,
        trust,
        savesConfiguration: one.save,
      };
      return { ...facts, access: { driver: 'eos', ...access } };
    }),
  );
}
