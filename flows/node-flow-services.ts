import { sql, type Kysely } from 'kysely';
import { BmcError, type BmcAddress, type BmcConnection, type PowerState } from '../bmc/capability.ts';
import type { CertificateAuthority } from '../core/base/certificate-authority.ts';
import type { Clock } from '../core/base/clock.ts';
import type { Sealer } from '../core/base/sealer-codec.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import type { FlowStep, FlowTransaction } from '../core/flow/flow-definition.ts';
import type { ImageData } from '../images/image-data-service.ts';
import { bmcAddresses } from '../inventory/driver-info-codec.ts';
import { connectFake, isFake } from '../inventory/fake-hardware.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { findNode } from '../inventory/node-store.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { MachineNetworks } from './machine-networks.ts';

/** What the flows of a node need from the outside, passed in by the process that runs them. */
export interface NodeFlowServices {
  readonly db: Kysely<DatabaseSchema>;
  readonly connectBmc: (addresses: readonly BmcAddress[]) => BmcConnection;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly cleaning: CleaningSettings;
  readonly images: Pick<ImageData, 'db' | 'stores'>;
  readonly networks: MachineNetworks;
  /** Who signs certificates for keys that BMCs made, and for how long. */
  readonly bmcCertificates: { readonly authority: CertificateAuthority; readonly days: number };
  /** Where BMCs fetch the agent's boot CD, and what its tokens are signed with; undefined: nobody serves one. */
  readonly bootMedia: { readonly baseUrl: string; readonly secret: Buffer } | undefined;
}

export interface CleaningSettings {
  /** Whether `provide` and `delete` clean; a node's own `automated_clean` wins. */
  readonly automated: boolean;
  /** `interface.step` → priority in place of the declared one; 0 leaves a step out. */
  readonly step_priorities: Readonly<Record<string, number>>;
}

/** One call to a BMC with its retries; slow BMCs answer within 20 s. */
export const BMC_CALL_MS = 60_000;
/** A host that got the power command changes state within seconds; soft-off waits for its operating system. */
export const POWER_CHANGE_MS = 120_000;

export async function loadNode(services: NodeFlowServices, uuid: string): Promise<NodeRecord> {
  const node = await findNode(services.db, uuid);
  if (node === undefined) throw new Error(`Node ${uuid} is gone.`);
  return node;
}

/** Why a flow came to nothing, on its node, for people. */
export const tellLastError = async (trx: FlowTransaction, uuid: string, lastError: string): Promise<void> =>
  void (await trx
    .updateTable('node')
    .set({ last_error: lastError, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute());

export const connectTo = (services: Pick<NodeFlowServices, 'db' | 'sealer' | 'connectBmc'>, node: NodeRecord): BmcConnection =>
  isFake(node)
    ? connectFake(services.db, node)
    : services.connectBmc(bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, services.sealer));

/** Waits until the machine really is in the state: a BMC that acknowledges a command has not yet obeyed it. */
export async function awaitPower(bmc: BmcConnection, wanted: PowerState, clock: Clock, signal: AbortSignal): Promise<void> {
  while ((await bmc.powerState(signal)) !== wanted) await clock.sleep(500, signal);
}

export async function switchOff(bmc: BmcConnection, clock: Clock, signal: AbortSignal): Promise<void> {
  await bmc.setPower('off', signal);
  await awaitPower(bmc, 'off', clock, signal);
}

/**
 * A BMC whose sessions are all taken (by tools of others, or by a process of ours that was killed) frees them after a
 * minute without traffic (IPMI 2.0, 6.12.15): asking again until the step's deadline outlasts that.
 */
const BUSY_PAUSE_MS = 5_000;

/**
 * A step that talks to the BMC: what may work later is tried again by the engine; a refusal (wrong password, lockout,
 * unsupported) ends the flow at once with the BMC client's own advice, before more attempts lock the account.
 */
export const bmcStep = (step: FlowStep): FlowStep => ({
  ...step,
  async run(ctx) {
    try {
      return await step.run(ctx);
    } catch (error) {
      if (error instanceof BmcError && error.code === 'busy') return { kind: 'retry', afterMs: BUSY_PAUSE_MS, because: error.message };
      if (!(error instanceof BmcError) || error.retryable) throw error;
      return { kind: 'fail', code: `bmc-${error.code}`, message: error.message, advice: error.advice };
    }
  },
});
