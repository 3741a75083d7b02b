import { DRIVERS, INTERFACE_KINDS, interfacesOf, type Driver, type Interfaces } from './driver-table.ts';
import { InventoryError } from './node-record.ts';
import { DELETABLE_STATES, STABLE_STATES, type ProvisionState } from './provision-machine.ts';

/*
 * What of a node may be changed when: Ironic's rules, apart from any database. Everything here either answers or throws
 * an InventoryError with the reason.
 */
export const quote = (value: string | null) => `"${value ?? ''}"`;

/** Interfaces can change while nothing of them is in use. */
const INTERFACE_STATES: ReadonlySet<ProvisionState> = new Set(['enroll', 'inspecting', 'inspect wait', 'manageable', 'available']);
/** A `… failed` or waiting inspection leaves its fields to people although the node is on its way. */
const EDITABLE_ON_THE_WAY: ReadonlySet<ProvisionState> = new Set([
  'deploy failed',
  'inspecting',
  'inspect failed',
  'inspect wait',
  'clean failed',
  'error',
  'verifying',
  'adopt failed',
  'rescue failed',
  'unrescue failed',
  'service failed',
]);
const PROTECTABLE_STATES: ReadonlySet<ProvisionState> = new Set(['active', 'rescue']);

export interface EditableNode {
  readonly uuid: string;
  readonly driver: string;
  readonly interfaces: object;
  readonly provision_state: ProvisionState;
  readonly target_provision_state: string | null;
  readonly maintenance: boolean;
  readonly console_enabled: boolean;
  readonly resource_class: string | null;
  readonly instance_uuid: string | null;
  readonly protected: boolean;
  readonly retired: boolean;
}

/** @throws 409 while the node is on its way somewhere. */
export function requireEditable(node: EditableNode, word: string, knowsInspectWait: boolean): void {
  const { provision_state: state } = node;
  if (node.target_provision_state !== null && !EDITABLE_ON_THE_WAY.has(state))
    throw new InventoryError(409, `Node ${word} can not be updated while a state transition is in progress.`);
  if (state === 'inspecting' && knowsInspectWait)
    throw new InventoryError(409, `Cannot update node ${quote(node.uuid)} while it is in state ${quote(state)}.`);
}

/** @throws 400 when the driver is not known. */
export function requireDriver(name: string): Driver {
  const driver = DRIVERS.get(name);
  if (driver === undefined)
    throw new InventoryError(
      400,
      `No valid host was found. Reason: No conductor service registered which supports driver ${name}. Known: ${[...DRIVERS.keys()].join(', ')}.`,
    );
  return driver;
}

/** The node's interfaces: what is asked for, else the driver's defaults. @throws 400 when the driver does not have one. */
export function chooseInterfaces(driver: Driver, asked: Readonly<Partial<Record<string, string | null>>>): Interfaces {
  const chosen = INTERFACE_KINDS.map((kind) => {
    const name = asked[kind] ?? driver.interfaces[kind][0];
    if (!driver.interfaces[kind].includes(name))
      throw new InventoryError(
        400,
        `Could not find the following interface in the 'ironic.hardware.interfaces.${kind}' entrypoint: ${name}. Valid interfaces are ${driver.interfaces[kind].join(', ')}.`,
      );
    return [kind, name];
  });
  return Object.fromEntries(chosen) as unknown as Interfaces;
}

export interface InterfaceChange {
  readonly driver: string;
  /** As the client wrote them: null asks for the default. */
  readonly interfaces: Readonly<Partial<Record<string, string | null>>>;
  readonly resetInterfaces: boolean;
}

/** @throws 400, 409 */
export function changeInterfaces(node: EditableNode, change: InterfaceChange): Interfaces {
  const before: Interfaces = interfacesOf(node);
  const changed = INTERFACE_KINDS.filter((kind) => change.interfaces[kind] !== before[kind]);
  if (changed.length > 0 && !INTERFACE_STATES.has(node.provision_state) && !node.maintenance)
    throw new InventoryError(
      409,
      `Node ${node.uuid} can not have ${changed[0]}_interface updated unless it is in one of allowed (${[...INTERFACE_STATES].join(', ')}) states or in maintenance mode.`,
    );
  if (change.driver === node.driver)
    return changed.length === 0 ? before : chooseInterfaces(requireDriver(change.driver), change.interfaces);
  if (node.console_enabled)
    throw new InventoryError(
      409,
      `Node ${node.uuid} can not update the driver while the console is enabled. Please stop the console first.`,
    );
  const kept = change.resetInterfaces ? Object.fromEntries(changed.map((kind) => [kind, change.interfaces[kind]])) : change.interfaces;
  return chooseInterfaces(requireDriver(change.driver), kept);
}

/** @throws 409 */
export function requireResourceClassFree(node: EditableNode, after: string | null): void {
  if (after === node.resource_class || node.resource_class === null || INTERFACE_STATES.has(node.provision_state)) return;
  throw new InventoryError(
    409,
    `Node ${node.uuid} can not have resource_class updated unless it is in one of allowed (${[...INTERFACE_STATES].join(', ')}) states.`,
  );
}

export interface Marks {
  readonly protected: boolean;
  readonly protectedReason: string | null;
  readonly retired: boolean;
  readonly retiredReason: string | null;
}

/** Protection and retirement with their reasons; a reason goes with its mark. @throws 400, 409 */
export function checkMarks(node: EditableNode, after: Marks, reasonTouched: { protected: boolean; retired: boolean }): Marks {
  if (after.protected && !node.protected && !PROTECTABLE_STATES.has(node.provision_state))
    throw new InventoryError(
      409,
      `Node ${node.uuid} can not be made protected in provision state ${quote(node.provision_state)}: only in ${[...PROTECTABLE_STATES].join(', ')}.`,
    );
  if (!after.protected && reasonTouched.protected && after.protectedReason !== null)
    throw new InventoryError(400, 'The protected_reason field can only be set when protected is True');
  if (after.retired && !node.retired && node.provision_state === 'available')
    throw new InventoryError(
      409,
      `Node ${node.uuid} can not have 'retired' set in provision state ${quote('available')}, the node must be moved out of it first.`,
    );
  if (!after.retired && reasonTouched.retired && after.retiredReason !== null)
    throw new InventoryError(400, 'The retired_reason field can only be set when retired is True');
  return {
    ...after,
    protectedReason: after.protected ? after.protectedReason : null,
    retiredReason: after.retired ? after.retiredReason : null,
  };
}

/** @throws 409 when an instance would be overwritten. */
export function requireInstanceFree(node: EditableNode, after: string | null): void {
  if (after !== null && node.instance_uuid !== null && after !== node.instance_uuid)
    throw new InventoryError(409, `Node ${node.uuid} is associated with instance ${node.instance_uuid}.`);
}

export const mayLoseInstance = (node: EditableNode): boolean => node.maintenance || INTERFACE_STATES.has(node.provision_state);

/** @throws 409 when an allocation still needs the node. */
export function requireDeallocatable(node: EditableNode, allocationUuid: string): void {
  if (node.maintenance) return;
  if (node.target_provision_state !== null && !STABLE_STATES.has(node.provision_state))
    throw new InventoryError(
      409,
      `Cannot remove allocation ${allocationUuid} for node ${node.uuid}, because the node is in state ${node.provision_state} where updates are not allowed (and maintenance mode is off)`,
    );
  if (node.provision_state === 'active')
    throw new InventoryError(
      409,
      `Cannot remove allocation ${allocationUuid} for node ${node.uuid}, because the node is active (and maintenance mode is off)`,
    );
}

/** @throws 403, 409 */
export function requireDeletable(node: EditableNode): void {
  if (!node.maintenance && node.instance_uuid !== null)
    throw new InventoryError(409, `Node ${node.uuid} is associated with instance ${node.instance_uuid}.`);
  if (node.protected) throw new InventoryError(403, `Node ${node.uuid} is protected and cannot be undeployed, rebuilt or deleted`);
  if (!node.maintenance && !DELETABLE_STATES.has(node.provision_state))
    throw new InventoryError(
      409,
      `Can not delete node ${quote(node.uuid)} while it is in provision state ${quote(node.provision_state)}. Valid provision states to perform deletion are: ${[...DELETABLE_STATES].map(quote).join(', ')}, or set the node into maintenance mode`,
    );
}
