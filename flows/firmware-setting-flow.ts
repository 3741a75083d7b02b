import type { FirmwareMode } from '../bmc/capability.ts';
import { sentences } from '../core/base/sentences.ts';
import type { FlowDefinition, FlowTransaction } from '../core/flow/flow-definition.ts';
import { updateNode } from '../inventory/node-store.ts';
import { bmcStep, BMC_CALL_MS, connectTo, loadNode, tellLastError, type NodeFlowServices } from './node-flow-services.ts';

/** `PUT states/boot_mode` and `states/secure_boot`: the BMC is told, and asked whether it took it; in force at the next start. */
export const firmwareSettingFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.firmware-setting',
  version: 1,
  steps: [
    bmcStep({
      name: 'tell_bmc',
      deadlineMs: BMC_CALL_MS * 2,
      attempts: { max: 4, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to take the setting', next: 'the node shows it' }),
      async run(ctx) {
        const bmc = connectTo(services, await loadNode(services, ctx.subjectId));
        const { boot_mode: mode, secure_boot: secure } = ctx.input;
        if (typeof mode === 'string') {
          await bmc.setFirmwareMode(mode as FirmwareMode, ctx.signal);
          const taken = await bmc.firmwareMode(ctx.signal);
          if (taken !== mode) return notTaken(`boot mode ${mode}`);
          return { kind: 'done', commit: (trx) => store(trx, ctx.subjectId, { boot_mode: taken }) };
        }
        await bmc.setSecureBoot(secure === true, ctx.signal);
        const { enabled } = await bmc.secureBoot(ctx.signal);
        if (enabled !== secure) return notTaken(`secure boot ${secure === true ? 'on' : 'off'}`);
        return { kind: 'done', commit: (trx) => store(trx, ctx.subjectId, { secure_boot: enabled }) };
      },
    }),
  ],
  onFailed: (trx, flow, error) => tellLastError(trx, flow.subjectId, sentences(error.message, error.advice)),
  onCancelled: (trx, flow, reason) => tellLastError(trx, flow.subjectId, reason),
});

const notTaken = (what: string) =>
  ({
    kind: 'fail',
    code: 'setting-not-taken',
    message: `The BMC accepted ${what} and shows another value.`,
    advice: 'Set it in the firmware’s own menu, or with bios.apply_configuration.',
  }) as const;

const store = async (trx: FlowTransaction, uuid: string, change: { boot_mode: string } | { secure_boot: boolean }) =>
  void (await updateNode(trx, uuid, change));
