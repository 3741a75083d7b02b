import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { checkDriverInfo } from '../../inventory/driver-info-codec.ts';
import { unsupported } from '../../inventory/driver-table.ts';
import { isFake } from '../../inventory/fake-hardware.ts';
import { startAskedFlow } from '../../inventory/node-service.ts';
import { RequestRefused } from './baremetal-error.ts';
import { accepted, noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { whileLocked } from './locked-retry.ts';
import { nodeFor } from './node-access.ts';
import { withRealBmc } from './node-bmc.ts';

/** Ours: how anybody gets into a machine's BMC: the password of our account, the certificate that it is known by, and the doors of IPMI over LAN. */
const renewal =
  (what: string, flow: string, shape = z.strictObject({})) =>
  async (call: Call): Promise<ReturnType<typeof accepted>> => {
    const input = shape.parse(call.body ?? {});
    const node = await nodeFor(call, call.params['node']!, 'node:rotate_bmc_password');
    if (isFake(node)) throw new RequestRefused(400, unsupported(node.driver, what));
    const problems = checkDriverInfo(node.driver, node.driver_info as JsonObject);
    if (problems.length > 0) throw new RequestRefused(400, `The BMC of node ${node.uuid} cannot be reached: ${problems.join('; ')}.`);
    const { db } = call.context.database;
    await whileLocked(() => db.transaction().execute((trx) => startAskedFlow(trx, node.uuid, flow, input)));
    return accepted(`${call.base}/v1/nodes/${call.params['node']!}`);
  };

async function showCertificate(call: Call) {
  const shown = await withRealBmc(call, 'node:rotate_bmc_password', 'bmc_certificate', async (bmc, signal, node) => ({
    certificate: await bmc.certificate(signal),
    trusted: (node.driver_info as JsonObject)['redfish_verify_ca'],
  }));
  const { pem, subject, issuer, validFromMs, validUntilMs, fingerprint } = shown.certificate;
  return ok({
    certificate: pem,
    subject,
    issuer,
    valid_from: new Date(validFromMs).toISOString(),
    valid_until: new Date(validUntilMs).toISOString(),
    sha256: fingerprint,
    pinned: typeof shown.trusted === 'string' && shown.trusted.includes(pem.trim()),
  });
}

/** Who makes the new certificate's key: the control plane, or the BMC, which keeps it. */
const certificateShape = z.strictObject({ key: z.enum(['control_plane', 'bmc']).default('control_plane') });

async function showLogin(call: Call) {
  const { access, privilegeLimit, cipherSuites } = await withRealBmc(call, 'node:rotate_bmc_password', 'bmc_login', (bmc, signal) =>
    bmc.networkLogin(signal),
  );
  return ok({
    access: access.replace('-', '_'),
    privilege_limit: privilegeLimit,
    cipher_suites: cipherSuites.map(({ suite, privilege, isWeak }) => ({ suite, privilege, weak: isWeak })),
  });
}

const loginShape = z.strictObject({
  access: z.literal('always').optional(),
  privilege_limit: z.literal('administrator').optional(),
  close_weak_cipher_suites: z.boolean().default(false),
});

/** What would lock this control plane out is not asked for: it comes this way. */
async function changeLogin(call: Call) {
  const { access, privilege_limit: privilegeLimit, close_weak_cipher_suites: closesWeakSuites } = loginShape.parse(call.body ?? {});
  const change = { closesWeakSuites, ...(access && { access }), ...(privilegeLimit && { privilegeLimit }) };
  await withRealBmc(call, 'node:rotate_bmc_password', 'bmc_login', (bmc, signal) => bmc.setNetworkLogin(change, signal));
  return noContent();
}

export const bmcAccessRoutes: readonly BaremetalRoute[] = [
  {
    method: 'PUT',
    path: '/nodes/:node/management/bmc_password',
    handle: renewal('rotate_bmc_password', 'node.rotate-bmc-password'),
  },
  { method: 'GET', path: '/nodes/:node/management/bmc_login', handle: showLogin },
  { method: 'PUT', path: '/nodes/:node/management/bmc_login', handle: changeLogin },
  { method: 'GET', path: '/nodes/:node/management/bmc_certificate', handle: showCertificate },
  {
    method: 'PUT',
    path: '/nodes/:node/management/bmc_certificate',
    handle: renewal('replace_bmc_certificate', 'node.replace-bmc-certificate', certificateShape),
  },
];
