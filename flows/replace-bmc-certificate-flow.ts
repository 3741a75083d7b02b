import { sql } from 'kysely';
import { BmcError, type BmcAddress } from '../bmc/capability.ts';
import type { JsonObject } from '../core/base/json.ts';
import { Secret } from '../core/base/secret.ts';
import { createTlsIdentity, type TlsIdentity } from '../core/base/tls-identity.ts';
import type { FlowDefinition, FlowTransaction } from '../core/flow/flow-definition.ts';
import { bmcAddresses, nextCertificate, withNextCertificate, withoutNextCertificate } from '../inventory/driver-info-codec.ts';
import { bmcStep, BMC_CALL_MS, loadNode, type NodeFlowServices, tellLastError } from './node-flow-services.ts';

/*
 * A new certificate for a BMC's web server, made here, and trusted alone afterwards. It cannot lock itself out: the new one is kept (its key sealed) and trusted beside
 * the old before the BMC hears of it, and the old is forgotten only once the BMC has shown the new. Whoever comes after a crash or a failure goes on with the same one.
 */
export const replaceBmcCertificateFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.replace-bmc-certificate',
  version: 1,
  steps: [
    {
      name: 'make_certificate',
      deadlineMs: BMC_CALL_MS,
      waitingFor: () => ({ what: 'a new certificate to be kept', next: 'the BMC gets it' }),
      run: async (ctx) => ({ kind: 'done', commit: (trx) => keepNext(services, trx, ctx.subjectId) }),
    },
    bmcStep({
      name: 'replace_certificate',
      // A BMC whose web server starts anew is away for a minute or two.
      deadlineMs: BMC_CALL_MS * 15,
      waitingFor: () => ({ what: 'the BMC to show its new certificate', next: 'the old one is trusted no more' }),
      async run(ctx) {
        const { address, next } = await known(services, ctx.subjectId);
        if (!(await shows(services, address, next, ctx.signal))) {
          await replace(services, address, next, ctx.signal);
          if (!(await shows(services, address, next, ctx.signal)))
            throw new BmcError('unreachable', `${address.host}: the BMC does not show its new certificate yet.`, 'It is looked at again.');
        }
        return { kind: 'done', commit: (trx) => trustOnly(services, trx, ctx.subjectId, next) };
      },
    }),
  ],
  onFailed: (trx, flow, error) => tellLastError(trx, flow.subjectId, `${error.message} ${error.advice}`),
  onCancelled: (trx, flow, reason) => tellLastError(trx, flow.subjectId, reason),
});

async function keepNext({ sealer, clock }: NodeFlowServices, trx: FlowTransaction, uuid: string): Promise<void> {
  const node = await locked(trx, uuid);
  const kept = nextCertificate(node.driver_secrets, sealer);
  if (kept !== undefined) return;
  const info = node.driver_info as JsonObject;
  const [address] = redfishOf(bmcAddresses({ ...node, driver_info: info }, sealer));
  if (address === undefined) return;
  const next = createTlsIdentity(address.host, clock.nowMs());
  const trusted = info['redfish_verify_ca'];
  const both = typeof trusted === 'string' ? { ...info, redfish_verify_ca: `${trusted.trimEnd()}\n${next.certificatePem}` } : info;
  await store(trx, uuid, both, withNextCertificate(node.driver_secrets, sealer, next));
}

async function trustOnly({ sealer }: NodeFlowServices, trx: FlowTransaction, uuid: string, next: TlsIdentity): Promise<void> {
  const node = await locked(trx, uuid);
  const info = { ...(node.driver_info as JsonObject), redfish_verify_ca: next.certificatePem };
  await store(trx, uuid, info, withoutNextCertificate(node.driver_secrets, sealer));
}

const redfishOf = (addresses: readonly BmcAddress[]) => addresses.filter(({ protocol }) => protocol === 'redfish');

async function known(services: NodeFlowServices, uuid: string): Promise<{ address: BmcAddress; next: TlsIdentity }> {
  const node = await loadNode(services, uuid);
  const [address] = redfishOf(bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, services.sealer));
  const next = nextCertificate(node.driver_secrets, services.sealer);
  if (address === undefined || next === undefined)
    throw new BmcError('unsupported', 'This node has no Redfish address.', 'Give its BMC one (redfish_address).');
  return { address, next };
}

/** Whether a new connection meets the new certificate, and nothing else. */
async function shows(services: NodeFlowServices, address: BmcAddress, next: TlsIdentity, signal: AbortSignal): Promise<boolean> {
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

async function replace(services: NodeFlowServices, address: BmcAddress, next: TlsIdentity, signal: AbortSignal): Promise<void> {
  const bmc = services.connectBmc([address]);
  try {
    await bmc.replaceCertificate({ certificate: { pem: next.certificatePem }, key: new Secret(next.keyPem) }, signal);
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
