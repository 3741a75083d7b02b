import { BmcError, type BmcConnection } from '../bmc/capability.ts';
import type { FirmwareItem } from '../bmc/firmware.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { FlowStep, FlowTransaction } from '../core/flow/flow-definition.ts';
import { replaceBiosSettings, replaceFirmware } from '../inventory/bios-setting-store.ts';
import { interfaceOf } from '../inventory/driver-table.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { updateNode } from '../inventory/node-store.ts';
import { bmcStep, connectTo, loadNode, type NodeFlowServices } from './node-flow-services.ts';
import { raidConfigOf } from './raid-plan-policy.ts';

/*
 * What a node's record tells of its BIOS settings, firmware, volumes, boot mode and secure boot, read anew from its BMC: when
 * the node is verified, inspected and cleaned, and after each step that changes any of it. What a BMC does not have, or fails
 * at, is left as it was: no machine is refused because its BMC tells little.
 */
type Commit = (trx: FlowTransaction) => Promise<void>;
interface Part {
  readonly name: string;
  isWanted(node: NodeRecord): boolean;
  read(bmc: BmcConnection, node: NodeRecord, signal: AbortSignal): Promise<Commit>;
}

/** Ironic's words for what nearly every machine has; all else goes by the BMC's own id. */
export function componentOf({ id, name }: FirmwareItem): string {
  const words = `${id} ${name}`;
  if (/\bbios\b|uefi|system rom|system firmware/i.test(words)) return 'bios';
  if (/\bbmc\b|idrac|\bilo\b|\bxcc\b|baseboard|manager/i.test(words)) return 'bmc';
  return /\bnic\b|network|ethernet/i.test(words) ? `nic:${id}` : id;
}

const PARTS: readonly Part[] = [
  {
    name: 'bios',
    isWanted: (node) => interfaceOf(node, 'bios') === 'redfish',
    async read(bmc, node, signal) {
      const attributes = await bmc.biosAttributes(signal);
      return (trx) => replaceBiosSettings(trx, node.uuid, attributes);
    },
  },
  {
    name: 'firmware',
    isWanted: (node) => interfaceOf(node, 'firmware') === 'redfish',
    async read(bmc, node, signal) {
      const found = new Map((await bmc.firmwareInventory(signal)).map((item) => [componentOf(item), item.version]));
      return (trx) =>
        replaceFirmware(
          trx,
          node.uuid,
          Array.from(found, ([component, version]) => ({ component, version })),
        );
    },
  },
  {
    name: 'raid',
    isWanted: (node) => interfaceOf(node, 'raid') === 'redfish',
    async read(bmc, node, signal) {
      const { logical_disks } = raidConfigOf(await bmc.storage(signal), '');
      const known = (node.raid_config as JsonObject)['logical_disks'];
      const config = raidConfig(logical_disks);
      return async (trx) => {
        if (JSON.stringify(known ?? []) !== JSON.stringify(logical_disks)) await updateNode(trx, node.uuid, { raid_config: config });
      };
    },
  },
  {
    name: 'boot_mode',
    isWanted: (node) => interfaceOf(node, 'management') === 'redfish',
    async read(bmc, node, signal) {
      const mode = await bmc.firmwareMode(signal);
      return async (trx) => void (await updateNode(trx, node.uuid, { boot_mode: mode }));
    },
  },
  {
    name: 'secure_boot',
    isWanted: (node) => interfaceOf(node, 'management') === 'redfish',
    async read(bmc, node, signal) {
      const { enabled } = await bmc.secureBoot(signal);
      return async (trx) => void (await updateNode(trx, node.uuid, { secure_boot: enabled }));
    },
  },
];

const raidConfig = (disks: readonly JsonObject[]): JsonObject =>
  disks.length === 0 ? {} : { logical_disks: [...disks], last_updated: new Date().toISOString() };

/** @param names which parts; default: all that the node's interfaces have. */
export async function readHardware(
  node: NodeRecord,
  bmc: BmcConnection,
  signal: AbortSignal,
  names?: readonly string[],
): Promise<{ commit: Commit; skipped: JsonObject }> {
  const skipped: Record<string, string> = {};
  const commits: Commit[] = [];
  for (const part of PARTS.filter(({ name, isWanted }) => isWanted(node) && (names?.includes(name) ?? true))) {
    try {
      commits.push(await part.read(bmc, node, signal));
    } catch (error) {
      if (!(error instanceof BmcError) || signal.aborted) throw error;
      skipped[part.name] = error.message;
    }
  }
  return {
    skipped,
    async commit(trx) {
      for (const commit of commits) await commit(trx);
    },
  };
}

/** Big machines have some hundred settings and slow BMCs. */
const READ_MS = 300_000;

/** Whether its interfaces tell anything of that. */
export const hasHardwareRecords = (node: NodeRecord): boolean => PARTS.some(({ isWanted }) => isWanted(node));

export const readHardwareStep = (services: NodeFlowServices): FlowStep =>
  bmcStep({
    name: 'read_hardware',
    deadlineMs: READ_MS,
    attempts: { max: 4, backoffMs: 1000 },
    waitingFor: () => ({ what: 'the BMC to tell BIOS settings, firmware and volumes', next: 'the records of the node are up to date' }),
    async run(ctx) {
      const node = await loadNode(services, ctx.subjectId);
      if (!hasHardwareRecords(node)) return { kind: 'done' };
      const { commit, skipped } = await readHardware(node, connectTo(services, node), ctx.signal);
      return { kind: 'done', commit, evidence: { skipped } };
    },
  });
