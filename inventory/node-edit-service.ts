import type { JsonObject } from '../core/base/json.ts';
import type { Sealer } from '../core/base/sealer-codec.ts';
import { releaseNode } from './allocation-service.ts';
import { MASK, splitDriverInfo } from './driver-info-codec.ts';
import { INTERFACE_KINDS } from './driver-table.ts';
import {
  changeInterfaces,
  checkMarks,
  chooseInterfaces,
  mayLoseInstance,
  requireDeletable,
  requireDriver,
  requireInstanceFree,
  requireResourceClassFree,
} from './node-edit-policy.ts';
import { InventoryError, type NodeRecord, type Trx } from './node-record.ts';
import { mustLock, notifyBootModel } from './node-service.ts';
import { insertNode, updateNode, type NodeFields } from './node-store.ts';

/** Nodes as people write them: made, edited and removed by the rules of `node-edit-policy.ts`. */

/** What a client may write of a node, after all its patches. Interfaces are `boot_interface` and so on; null: the default. */
export interface NodeDraft {
  readonly driver: string;
  readonly name: string | null;
  readonly driver_info: JsonObject;
  readonly properties: JsonObject;
  readonly instance_info: JsonObject;
  readonly instance_uuid: string | null;
  readonly extra: JsonObject;
  readonly resource_class: string | null;
  readonly description: string | null;
  readonly owner: string | null;
  readonly lessee: string | null;
  readonly chassis_uuid: string | null;
  readonly conductor_group: string;
  readonly automated_clean: boolean | null;
  readonly maintenance: boolean;
  readonly protected: boolean;
  readonly protected_reason: string | null;
  readonly retired: boolean;
  readonly retired_reason: string | null;
  readonly network_data: JsonObject;
  readonly shard: string | null;
  readonly parent_node: string | null;
  readonly interfaces: Readonly<Partial<Record<string, string | null>>>;
}

export async function createNode(
  trx: Trx,
  draft: NodeDraft,
  made: { readonly uuid?: string; readonly provisionState: 'enroll' | 'available' },
  sealer: Sealer,
): Promise<NodeRecord> {
  const interfaces = chooseInterfaces(requireDriver(draft.driver), draft.interfaces);
  await requireChassis(trx, draft.chassis_uuid);
  await requireConductorGroup(trx, draft.conductor_group);
  const { configdrive, ...fields } = toFields(draft, null, null, sealer);
  return insertNode(trx, {
    ...fields,
    ...(configdrive === undefined ? {} : { configdrive }),
    driver: draft.driver,
    interfaces,
    protected: false,
    protected_reason: null,
    provision_state: made.provisionState,
    ...(made.uuid === undefined ? {} : { uuid: made.uuid }),
  });
}

export interface EditOptions {
  readonly resetInterfaces: boolean;
  readonly touched: { readonly protected: boolean; readonly retired: boolean };
}

/** `node` is locked by this transaction. */
export async function editNode(trx: Trx, node: NodeRecord, draft: NodeDraft, options: EditOptions, sealer: Sealer): Promise<void> {
  const interfaces = changeInterfaces(node, {
    driver: draft.driver,
    interfaces: draft.interfaces,
    resetInterfaces: options.resetInterfaces,
  });
  requireResourceClassFree(node, draft.resource_class);
  requireInstanceFree(node, draft.instance_uuid);
  if (draft.chassis_uuid !== node.chassis_uuid) await requireChassis(trx, draft.chassis_uuid);
  if (draft.conductor_group !== node.conductor_group) await requireConductorGroup(trx, draft.conductor_group);
  if (node.instance_uuid !== null && draft.instance_uuid === null) await endAllocation(trx, node);
  const marks = checkMarks(
    node,
    {
      protected: draft.protected,
      protectedReason: draft.protected_reason,
      retired: draft.retired,
      retiredReason: draft.retired_reason,
    },
    options.touched,
  );
  await updateNode(trx, node.uuid, {
    ...toFields(draft, node.driver_secrets, node.configdrive, sealer),
    driver: draft.driver,
    interfaces,
    protected_reason: marks.protectedReason,
    retired_reason: marks.retiredReason,
    ...(node.maintenance && !draft.maintenance ? { maintenance_reason: null, fault: null } : {}),
  });
  await notifyBootModel(trx);
}

function toFields(draft: NodeDraft, secrets: string | null, configdrive: string | null, sealer: Sealer): NodeFields {
  const { interfaces: _interfaces, instance_info: instanceInfo, ...plain } = draft;
  const info = splitDriverInfo(draft.driver_info, secrets, sealer);
  const { configdrive: drive, ...shown } = instanceInfo;
  const kept = drive === MASK ? configdrive : typeof drive === 'string' && drive !== '' ? sealer.seal(drive) : null;
  return { ...plain, driver_info: info.shown, driver_secrets: info.sealed, instance_info: shown, configdrive: kept };
}

async function endAllocation(trx: Trx, node: NodeRecord): Promise<void> {
  const allocation = await trx.selectFrom('allocation').select('uuid').where('node_uuid', '=', node.uuid).executeTakeFirst();
  if (allocation === undefined) return;
  if (!mayLoseInstance(node))
    throw new InventoryError(
      409,
      `Node ${node.uuid} with an allocation can not have instance_uuid removed while it is in state "${node.provision_state}" and not in maintenance mode.`,
    );
  await trx.deleteFrom('allocation').where('uuid', '=', allocation.uuid).execute();
}

async function requireChassis(trx: Trx, uuid: string | null): Promise<void> {
  if (uuid === null) return;
  const found = await trx.selectFrom('chassis').select('uuid').where('uuid', '=', uuid).forKeyShare().executeTakeFirst();
  if (found === undefined) throw new InventoryError(400, `Chassis ${uuid} could not be found.`);
}

/** A group that no process serves would leave the node without anybody to do its work. */
async function requireConductorGroup(trx: Trx, group: string): Promise<void> {
  if (group === '') return;
  const found = await trx.selectFrom('conductor').select('hostname').where('conductor_group', '=', group).executeTakeFirst();
  if (found === undefined)
    throw new InventoryError(400, `No valid host was found. Reason: No conductor service registered for conductor group "${group}".`);
}

export async function deleteNode(trx: Trx, uuid: string): Promise<void> {
  const node = await mustLock(trx, uuid);
  requireDeletable(node);
  await releaseNode(trx, uuid);
  await trx.deleteFrom('node').where('uuid', '=', uuid).execute();
  await notifyBootModel(trx);
}

/** The interfaces of a draft out of its `…_interface` fields. */
export const interfacesOfDraft = (fields: Readonly<Record<string, unknown>>): NodeDraft['interfaces'] =>
  Object.fromEntries(INTERFACE_KINDS.map((kind) => [kind, (fields[`${kind}_interface`] as string | null | undefined) ?? null]));
