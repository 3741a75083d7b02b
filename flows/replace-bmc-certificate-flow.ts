import { sql } from 'kysely';
import { BmcError, type BmcAddress } from '../bmc/capability.ts';
import { decodeCertificateRequest } from '../core/base/certificate-request-codec.ts';
import type { JsonObject } from '../core/base/json.ts';
import { isMalformed } from '../core/base/malformed.ts';
import { Secret } from '../core/base/secret.ts';
import { createTlsIdentity } from '../core/base/tls-identity.ts';
import { sentences } from '../core/base/sentences.ts';
import type { FlowDefinition, FlowTransaction } from '../core/flow/flow-definition.ts';
import {
  bmcAddresses,
  nextCertificate,
  type NextCertificate,
  withNextCertificate,
  withoutNextCertificate,
} from '../inventory/driver-info-codec.ts';
import { bmcStep, BMC_CALL_MS, loadNode, type NodeFlowServices, tellLastError } from './node-flow-services.ts';

/*
 * A new certificate for a BMC's web server, trusted alone afterwards. Its key is made here, or by the BMC, which then asks for a certificate that an authority signs: that
 * key never leaves it. It cannot lock itself out: the new one is kept (a key of ours sealed) and trusted beside the old before the BMC gets it, and the old is forgotten
 * only once the BMC has shown the new. Whoever comes after a crash or a failure goes on with the one that the BMC shows.
 */
export const replaceBmcCertificateFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.replace-bmc-certificate',
  version: 1,
  steps: [
    bmcStep({
      name: 'make_certificate',
      deadlineMs: BMC_CALL_MS * 5,
      waitingFor: () => ({ what: 'a new certificate to be made and kept', next: 'the BMC gets it' }),
      async run(ctx) {
        const { address, next } = await known(services, ctx.subjectId);
        const isOfBmc = ctx.input['key'] === 'bmc';
        const isSameKind = next !== undefined && (next.keyPem === undefined) === isOfBmc;
        // The BMC may have forgotten a key that it made, which no certificate is lost by: it is asked again, unless it shows the one that was for it.
        if (next !== undefined && ((isSameKind && !isOfBmc) || (await shows(services, address, next, ctx.signal)))) return { kind: 'done' };
        const made = isOfBmc
          ? { certificatePem: await certifyKeyOfBmc(services, address, ctx.signal) }
          : createTlsIdentity(address.host, services.clock.nowMs());
        return { kind: 'done', commit: (trx) => keepNext(services, trx, ctx.subjectId, made) };
      },
    }),
    bmcStep({
      name: 'replace_certificate',
      // A BMC whose web server starts anew is away for a minute or two.
      deadlineMs: BMC_CALL_MS * 15,
      waitingFor: () => ({ what: 'the BMC to show its new certificate', next: 'the old one is trusted no more' }),
      async run(ctx) {
        const { address, next } = await known(services, ctx.subjectId);
        if (next === undefined) throw new Error('no certificate was kept');
        if (!(await shows(services, address, next, ctx.signal))) {
          await replace(services, address, next, ctx.signal);
          if (!(await shows(services, address, next, ctx.signal)))
            throw new BmcError('unreachable', `${address.host}: the BMC does not show its new certificate yet.`, 'It is looked at again.');
        }
        return { kind: 'done', commit: (trx) => trustOnly(services, trx, ctx.subjectId, next) };
      },
    }),
  ],
  onFailed: (trx, flow, error) => tellLastError(trx, flow.subjectId, sentences(error.message, error.advice)),
  onCancelled: (trx, flow, reason) => tellLastError(trx, flow.subjectId, reason),
});

async function keepNext({ sealer }: NodeFlowServices, trx: FlowTransaction, uuid: string, next: NextCertificate): Promise<void> {
  const node = await locked(trx, uuid);
  const info = node.driver_info as JsonObject;
  const trusted = info['redfish_verify_ca'];
  const both = typeof trusted === 'string' ? { ...info, redfish_verify_ca: `${trusted.trimEnd()}\n${next.certificatePem}` } : info;
  await store(trx, uuid, both, withNextCertificate(node.driver_secrets, sealer, next));
}

/** By what the BMC is called here, whatever it calls itself. */
async function certifyKeyOfBmc(services: NodeFlowServices, address: BmcAddress, signal: AbortSignal): Promise<string> {
  const bmc = services.connectBmc([address]);
  const hosts = [address.host.replace(/^\[|\]$/g, '')];
  try {
    const request = decodeCertificateRequest(await bmc.requestCertificate(hosts, signal));
    if (isMalformed(request)) throw new BmcError('protocol', `${address.host}: ${request.reason}`, 'Let the control plane make the key.');
    const { authority, days } = services.bmcCertificates;
    return authority.sign(request, hosts, services.clock.nowMs(), days);
  } finally {
    await bmc.close();
  }
}

async function trustOnly({ sealer }: NodeFlowServices, trx: FlowTransaction, uuid: string, next: NextCertificate): Promise<void> {
  const node = await locked(trx, uuid);
  const info = { ...(node.driver_info as JsonObject), redfish_verify_ca: next.certificatePem };
  await store(trx, uuid, info, withoutNextCertificate(node.driver_secrets, sealer));
}

const redfishOf = (addresses: readonly BmcAddress[]) => addresses.filter(({ protocol }) => protocol === 'redfish');

async function known(services: NodeFlowServices, uuid: string): Promise<{ address: BmcAddress; next: NextCertificate | undefined }> {
  const node = await loadNode(services, uuid);
  const [address] = redfishOf(bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, services.sealer));
  const next = nextCertificate(node.driver_secrets, services.sealer);
  if (address === undefined) throw new BmcError('unsupported', 'This node has no Redfish address.', 'Give its BMC one (redfish_address).');
  return { address, next };
}

/** Whether a new connection meets the new certificate, and nothing else. */
async function shows(services: NodeFlowServices, address: BmcAddress, next: NextCertificate, signal: AbortSignal): Promise<boolean> {
  const bmc = services.connectBmc([{ ...address, trust: next.certificatePem }]);
  try {
    await bmc.powerState(signal);
    return true;
  } catch (error) {
    if (error instanceof BmcError && error.code === 'refused') return false;
    throw error;
  } finally {
    await bmc.close();
  }
}

async function replace(services: NodeFlowServices, address: BmcAddress, next: NextCertificate, signal: AbortSignal): Promise<void> {
  const bmc = services.connectBmc([address]);
  try {
    const key = next.keyPem === undefined ? {} : { key: new Secret(next.keyPem) };
    await bmc.replaceCertificate({ certificate: { pem: next.certificatePem }, ...key }, signal);
  } catch (error) {
    // The web server that would have answered may be the one that starts anew: what it shows then is what counts.
    if (!(error instanceof BmcError) || !['timeout', 'unreachable'].includes(error.code)) throw error;
  } finally {
    await bmc.close();
  }
}

const locked = (trx: FlowTransaction, uuid: string) =>
  trx.selectFrom('node').select(['driver', 'driver_info', 'driver_secrets']).where('uuid', '=', uuid).forUpdate().executeTakeFirstOrThrow();

const store = (trx: FlowTransaction, uuid: string, info: JsonObject, sealed: string | null) =>
  trx
    .updateTable('node')
    .set({ driver_info: JSON.stringify(info), driver_secrets: sealed, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
