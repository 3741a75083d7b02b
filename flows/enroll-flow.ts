import { randomBytes } from 'node:crypto';
import { timeLimit } from '../core/base/clock.ts';
import type { JsonObject } from '../core/base/json.ts';
import { Secret } from '../core/base/secret.ts';
import { sentences } from '../core/base/sentences.ts';
import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import type { BmcFound } from '../deploy-agent/protocol.ts';
import { abortCommands } from '../inventory/agent-command-service.ts';
import { splitDriverInfo } from '../inventory/driver-info-codec.ts';
import { setPowerState } from '../inventory/node-service.ts';
import { lockNode, updateNode } from '../inventory/node-store.ts';
import { agentStep } from './agent-steps.ts';
import { BMC_CALL_MS, loadNode, type NodeFlowServices } from './node-flow-services.ts';

/*
 * A stranger that booted the agent gets a BMC user of our own, made in band, so that from now on we hold its power:
 *   1. put_bmc_user   the agent makes the user over KCS and tells the BMC's address
 *   2. choose_driver  Redfish when the BMC answers it with these credentials, else IPMI when it answers that
 * The node stays in `enroll`; `manage` is the operator's decision.
 */
const BMC_USERNAME = 'rackwright';
/** IPMI 2.0 passwords hold 20 bytes; many BMCs refuse more than 16. Hex keeps every BMC's character rules. */
const newPassword = () => randomBytes(8).toString('hex');

export const enrollFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.enroll',
  version: 1,
  steps: [
    {
      name: 'choose_password',
      deadlineMs: BMC_CALL_MS,
      waitingFor: () => ({ what: 'a password for our BMC user', next: 'the agent makes the user' }),
      run: async () => ({ kind: 'done', patch: { sealedPassword: services.sealer.seal(newPassword()) } }),
    },
    agentStep(services, {
      name: 'put_bmc_user',
      step: 'put_bmc_user',
      timeoutSeconds: 180,
      what: 'the agent to make our user on the BMC',
      next: 'the BMC is tried over the network',
      args: async (ctx) => ({ username: BMC_USERNAME, password: services.sealer.open(String(ctx.state['sealedPassword'])) }),
      async onResult(trx, ctx, report) {
        const found = report.result as unknown as BmcFound;
        const node = await lockNode(trx, ctx.subjectId);
        const password = services.sealer.open(String(ctx.state['sealedPassword']));
        const info = {
          ...(node?.driver_info as JsonObject),
          ipmi_address: found.ipAddress,
          ipmi_username: BMC_USERNAME,
          ipmi_password: password,
        };
        const split = splitDriverInfo(info, node?.driver_secrets ?? null, services.sealer);
        await updateNode(trx, ctx.subjectId, { driver: 'ipmi', driver_info: split.shown, driver_secrets: split.sealed });
        await setPowerState(trx, ctx.subjectId, 'on');
      },
    }),
    {
      name: 'choose_driver',
      deadlineMs: BMC_CALL_MS * 3,
      attempts: { max: 6, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to tell which protocols it speaks', next: 'the node waits for `manage`' }),
      async run(ctx) {
        const node = await loadNode(services, ctx.subjectId);
        const host = String((node.driver_info as JsonObject)['ipmi_address']);
        const secret = services.sealer.open(String(ctx.state['sealedPassword']));
        const redfish = services.connectBmc([
          { protocol: 'redfish', host, username: BMC_USERNAME, password: new Secret(secret), trust: false },
        ]);
        const { signal, end } = timeLimit(ctx.clock, REDFISH_TRY_MS, ctx.signal);
        const refusal = await redfish
          .powerState(signal)
          .then(
            () => undefined,
            (error: unknown) => error,
          )
          .finally(end);
        if (refusal !== undefined) {
          // A BMC without Redfish and one that is busy look the same here; what IPMI answers decides.
          const ipmi = services.connectBmc([{ protocol: 'ipmi', host, username: BMC_USERNAME, password: new Secret(secret) }]);
          await ipmi.powerState(ctx.signal);
          return { kind: 'done', evidence: { driver: 'ipmi', redfish: refusal instanceof Error ? refusal.message : String(refusal) } };
        }
        return {
          kind: 'done',
          evidence: { driver: 'redfish' },
          async commit(trx) {
            const info = {
              ...(node.driver_info as JsonObject),
              redfish_address: `https://${host}`,
              redfish_username: BMC_USERNAME,
              redfish_password: secret,
              redfish_verify_ca: false,
            };
            const split = splitDriverInfo(info, node.driver_secrets, services.sealer);
            await updateNode(trx, ctx.subjectId, { driver: 'redfish', driver_info: split.shown, driver_secrets: split.sealed });
          },
        };
      },
    },
  ],
  onFailed: async (trx, flow, error) => {
    await abortCommands(trx, flow.subjectId);
    await trx
      .updateTable('node')
      .set({ last_error: sentences(`Enrolment: ${error.message}`, error.advice) })
      .where('uuid', '=', flow.subjectId)
      .execute();
  },
  onCancelled: async (trx, flow, reason) => {
    await abortCommands(trx, flow.subjectId);
    await trx
      .updateTable('node')
      .set({ last_error: `Enrolment: ${reason}` })
      .where('uuid', '=', flow.subjectId)
      .execute();
  },
});

/** A BMC without Redfish refuses at once or drops silently; one with it answers the service root within seconds. */
const REDFISH_TRY_MS = 15_000;
