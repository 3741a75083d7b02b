import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import { BmcError, type BmcAddress } from '../bmc/capability.ts';
import type { JsonObject } from '../core/base/json.ts';
import { Secret } from '../core/base/secret.ts';
import { sentences } from '../core/base/sentences.ts';
import type { FlowDefinition, FlowTransaction } from '../core/flow/flow-definition.ts';
import { adoptNextPassword, bmcAddresses, nextPassword, withNextPassword } from '../inventory/driver-info-codec.ts';
import { bmcStep, BMC_CALL_MS, loadNode, type NodeFlowServices, tellLastError } from './node-flow-services.ts';

/*
 * A new password for the account that the control plane has on a machine's BMC. It cannot lock itself out: the new password is kept (sealed, beside the old one)
 * before any BMC hears of it, it is the node's only once the BMC has let us in with it, and until then whoever comes after a crash or a failure tries both. One that
 * a BMC may have taken is never forgotten: the next rotation goes on with it.
 */
export const rotateBmcPasswordFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.rotate-bmc-password',
  version: 1,
  steps: [
    {
      name: 'choose_password',
      deadlineMs: BMC_CALL_MS,
      waitingFor: () => ({ what: 'a new password to be kept', next: 'the BMC is told' }),
      run: async (ctx) => ({
        kind: 'done',
        commit: async (trx) => {
          const { driver_secrets: before } = await secretsOf(trx, ctx.subjectId);
          if (nextPassword(before, services.sealer) === undefined)
            await store(trx, ctx.subjectId, withNextPassword(before, services.sealer, newPassword()));
        },
      }),
    },
    bmcStep({
      name: 'change_password',
      // Patience for a BMC that restarts at the worst moment: giving up early is what would leave two passwords.
      deadlineMs: BMC_CALL_MS * 15,
      waitingFor: () => ({ what: 'the BMC to take its new password and to let us in with it', next: 'the old one is forgotten' }),
      async run(ctx) {
        const { addresses, next } = await credentials(services, ctx.subjectId);
        for (const address of addresses) await adopt(services, address, next, ctx.signal);
        return {
          kind: 'done',
          commit: async (trx) => {
            const { driver_secrets: sealed } = await secretsOf(trx, ctx.subjectId);
            await store(trx, ctx.subjectId, adoptNextPassword(sealed, services.sealer));
          },
        };
      },
      async undo(ctx) {
        const { addresses, next } = await credentials(services, ctx.subjectId);
        for (const address of addresses) {
          const changed = { ...address, password: next };
          if (!(await letsUsIn(services, changed, ctx.signal))) continue;
          await services.connectBmc([changed]).putUser(address.username, address.password, ctx.signal);
        }
      },
    }),
  ],
  onFailed: (trx, flow, error) => tellLastError(trx, flow.subjectId, sentences(error.message, error.advice)),
  onCancelled: (trx, flow, reason) => tellLastError(trx, flow.subjectId, reason),
});

/** With the old password while that works; who comes after a crash finds the new one in force. */
async function adopt(services: NodeFlowServices, address: BmcAddress, next: Secret, signal: AbortSignal): Promise<void> {
  const changed = { ...address, password: next };
  if (await letsUsIn(services, address, signal))
    // The session may end with the password that opened it: whether it was taken is what the next login tells.
    await services.connectBmc([address]).putUser(address.username, next, signal).catch(unlessAnswered);
  if (!(await letsUsIn(services, changed, signal)))
    throw new BmcError(
      'auth',
      `${address.host}: neither the old nor the new password of ${address.username} is accepted over ${address.protocol}.`,
      'Set the account’s password on the BMC and in driver_info; it may have a rule that passwords of letters and digits do not meet.',
    );
}

const unlessAnswered = (error: unknown): void => {
  if (error instanceof BmcError && (error.code === 'auth' || error.code === 'timeout')) return;
  throw error;
};

async function letsUsIn(services: NodeFlowServices, address: BmcAddress, signal: AbortSignal): Promise<boolean> {
  const bmc = services.connectBmc([address]);
  try {
    await bmc.powerState(signal);
    return true;
  } catch (error) {
    if (error instanceof BmcError && (error.code === 'auth' || error.code === 'lockout')) return false;
    throw error;
  } finally {
    // The next look shall open a session of its own.
    await bmc.close();
  }
}

/** IPMI 2.0 passwords have 20 bytes at most, and old BMCs keep 16. */
const PASSWORD_CHARACTERS = 16;
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
const newPassword = (): string => Array.from({ length: PASSWORD_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

async function credentials(services: NodeFlowServices, uuid: string): Promise<{ addresses: BmcAddress[]; next: Secret }> {
  const node = await loadNode(services, uuid);
  const next = nextPassword(node.driver_secrets, services.sealer);
  if (next === undefined) throw new Error(`Node ${uuid} has no new password to change to.`);
  const addresses = bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, services.sealer);
  return { addresses, next: new Secret(next) };
}

const secretsOf = (trx: FlowTransaction, uuid: string) =>
  trx.selectFrom('node').select('driver_secrets').where('uuid', '=', uuid).forUpdate().executeTakeFirstOrThrow();

const store = (trx: FlowTransaction, uuid: string, sealed: string) =>
  trx
    .updateTable('node')
    .set({ driver_secrets: sealed, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
