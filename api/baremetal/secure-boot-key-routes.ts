import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { SECURE_BOOT_DATABASES, type SecureBootKey } from '../../bmc/secure-boot.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { withRealBmc } from './node-bmc.ts';

/** Ours, not Ironic's: what a machine's firmware lets start, key by key. Each is named DATABASE/KIND-ID. */
const WHAT = 'secure_boot_keys';
/** A database of a maker has some hundred entries, each a request. */
const READ_MS_MAX = 120_000;

function showKey({ database, id, kind, text, owner }: SecureBootKey) {
  const certificate = kind === 'certificate' ? readCertificate(text) : undefined;
  return {
    name: `${database}/${kind}-${id}`,
    database,
    kind,
    owner: owner ?? null,
    sha256: kind === 'signature' ? text.toLowerCase() : (certificate?.fingerprint256.replaceAll(':', '').toLowerCase() ?? null),
    subject: certificate?.subject.replaceAll('\n', ', ') ?? null,
    ends_at: certificate === undefined ? null : new Date(certificate.validTo).toISOString(),
  };
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

async function list(call: Call) {
  const keys = await withRealBmc(call, 'node:secure_boot_keys:get', WHAT, (bmc, signal) => bmc.secureBootKeys(signal), READ_MS_MAX);
  return ok({ secure_boot_keys: keys.map(showKey) });
}

const owner = z.guid().optional();
const shape = z.union([
  z.strictObject({
    database: z.enum(SECURE_BOOT_DATABASES),
    certificate: z
      .string()
      .max(16_384)
      .refine((pem) => readCertificate(pem) !== undefined, 'no certificate in PEM'),
    owner,
  }),
  z.strictObject({ database: z.enum(SECURE_BOOT_DATABASES), sha256: z.string().regex(/^[0-9a-fA-F]{64}$/, '64 hex digits'), owner }),
]);

async function add(call: Call) {
  const body = shape.parse(call.body ?? {});
  const key = {
    database: body.database,
    ...('certificate' in body
      ? ({ kind: 'certificate', text: body.certificate } as const)
      : ({ kind: 'signature', text: body.sha256 } as const)),
    ...(body.owner === undefined ? {} : { owner: body.owner }),
  };
  await withRealBmc(call, 'node:secure_boot_keys:set', WHAT, (bmc, signal) => bmc.addSecureBootKey(key, signal));
  return noContent();
}

async function remove(call: Call) {
  const { database: base = '', key = '' } = call.params;
  const database = SECURE_BOOT_DATABASES.find((each) => each === base);
  const [, kind, id] = /^(certificate|signature)-(.+)$/.exec(key) ?? [];
  const isGone = await withRealBmc(call, 'node:secure_boot_keys:set', WHAT, async (bmc, signal) =>
    database === undefined || id === undefined
      ? false
      : bmc.removeSecureBootKey({ database, kind: kind as SecureBootKey['kind'], id }, signal),
  );
  if (!isGone) throw new InventoryError(404, `The firmware has no secure boot key ${base}/${key}.`);
  return noContent();
}

export const secureBootKeyRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/secure_boot_keys', handle: list },
  { method: 'POST', path: '/nodes/:node/secure_boot_keys', handle: add },
  { method: 'DELETE', path: '/nodes/:node/secure_boot_keys/:database/:key', handle: remove },
];
