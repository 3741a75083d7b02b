import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DRIVERS, interfacesOf } from './driver-table.ts';
import {
  changeInterfaces,
  checkMarks,
  chooseInterfaces,
  requireDeallocatable,
  requireDeletable,
  requireDriver,
  requireEditable,
  requireInstanceFree,
  requireResourceClassFree,
  type EditableNode,
} from './node-edit-policy.ts';
import { InventoryError } from './node-record.ts';

const fake = DRIVERS.get('fake-hardware')!;
const node = (fields: Partial<EditableNode> = {}): EditableNode => ({
  uuid: 'n',
  driver: 'fake-hardware',
  interfaces: chooseInterfaces(fake, {}),
  provision_state: 'manageable',
  target_provision_state: null,
  maintenance: false,
  console_enabled: false,
  resource_class: null,
  instance_uuid: null,
  protected: false,
  retired: false,
  ...fields,
});
const refuses = (status: number, work: () => unknown) =>
  assert.throws(work, (error) => error instanceof InventoryError && error.status === status);

test('a node on its way is not edited, except where it waits for people', () => {
  refuses(409, () => requireEditable(node({ provision_state: 'deploying', target_provision_state: 'active' }), 'n', true));
  requireEditable(node({ provision_state: 'deploy failed', target_provision_state: 'active' }), 'n', true);
  refuses(409, () => requireEditable(node({ provision_state: 'inspecting', target_provision_state: 'manageable' }), 'n', true));
  requireEditable(node({ provision_state: 'inspecting', target_provision_state: 'manageable' }), 'n', false);
});

test('interfaces: defaults of the driver, nothing that it does not have, not while in use', () => {
  assert.equal(chooseInterfaces(fake, {}).network, 'flat');
  refuses(400, () => chooseInterfaces(fake, { boot: 'redfish' }));
  refuses(400, () => requireDriver('none'));
  const same = interfacesOf(node());
  const change = { driver: 'fake-hardware', interfaces: { ...same, console: 'no-console' }, resetInterfaces: false };
  assert.equal(changeInterfaces(node(), change).console, 'no-console');
  refuses(409, () => changeInterfaces(node({ provision_state: 'active' }), change));
  assert.equal(changeInterfaces(node({ provision_state: 'active', maintenance: true }), change).console, 'no-console');
});

test('another driver keeps the interfaces unless they are reset', () => {
  const same = interfacesOf(node());
  refuses(400, () => changeInterfaces(node(), { driver: 'ipmi', interfaces: same, resetInterfaces: false }));
  assert.equal(changeInterfaces(node(), { driver: 'ipmi', interfaces: same, resetInterfaces: true }).power, 'ipmitool');
  refuses(409, () => changeInterfaces(node({ console_enabled: true }), { driver: 'ipmi', interfaces: same, resetInterfaces: true }));
});

test('marks: when they may be set, and that reasons go with them', () => {
  const off = { protected: false, protectedReason: null, retired: false, retiredReason: null };
  const untouched = { protected: false, retired: false };
  refuses(409, () => checkMarks(node(), { ...off, protected: true }, untouched));
  refuses(400, () => checkMarks(node(), { ...off, protectedReason: 'x' }, { protected: true, retired: false }));
  refuses(409, () => checkMarks(node({ provision_state: 'available' }), { ...off, retired: true }, untouched));
  const active = node({ provision_state: 'active', protected: true });
  assert.equal(checkMarks(active, { ...off, protectedReason: 'was' }, untouched).protectedReason, null);
});

test('instances, classes, allocations and deletion', () => {
  refuses(409, () => requireInstanceFree(node({ instance_uuid: 'a' }), 'b'));
  requireInstanceFree(node({ instance_uuid: 'a' }), null);
  refuses(409, () => requireResourceClassFree(node({ resource_class: 'x', provision_state: 'active' }), 'y'));
  refuses(409, () => requireDeallocatable(node({ provision_state: 'active' }), 'a'));
  requireDeallocatable(node({ provision_state: 'active', maintenance: true }), 'a');
  refuses(409, () => requireDeletable(node({ instance_uuid: 'a' })));
  refuses(409, () => requireDeletable(node({ provision_state: 'active' })));
  refuses(403, () => requireDeletable(node({ protected: true, maintenance: true })));
  requireDeletable(node({ provision_state: 'active', maintenance: true }));
});
