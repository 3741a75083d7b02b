import { interfaceOf, unsupported } from './driver-table.ts';
import { sql } from 'kysely';
import { isFake } from './fake-hardware.ts';
import { InventoryError, type Db, type Trx } from './node-record.ts';

/*
 * Indicators (LEDs) of a node: the light by which people find the machine. A real one's state is its BMC's; fake hardware
 * keeps its own in the row.
 */
export interface Indicator {
  readonly component: string;
  readonly name: string;
  readonly readonly: boolean;
  readonly states: readonly string[];
}

const FAKE: readonly Indicator[] = [
  { component: 'chassis', name: 'led-0', readonly: true, states: ['OFF', 'ON'] },
  { component: 'system', name: 'led', readonly: false, states: ['BLINKING', 'OFF', 'ON'] },
];

/** By management interface. IPMI can make the light blink, not shine. */
const REAL: Readonly<Record<string, readonly Indicator[]>> = {
  redfish: [{ component: 'system', name: 'led', readonly: false, states: ['BLINKING', 'OFF', 'ON'] }],
  ipmitool: [{ component: 'system', name: 'led', readonly: false, states: ['BLINKING', 'OFF'] }],
};

interface NodeOfIndicator {
  readonly uuid: string;
  readonly driver: string;
  readonly interfaces: object;
  readonly driver_internal_info: object;
}

/** @throws 400 when the driver has none. */
export function indicatorsOf(node: NodeOfIndicator): readonly Indicator[] {
  if (isFake(node)) return FAKE;
  const real = REAL[interfaceOf(node, 'management')];
  if (real !== undefined) return real;
  throw new InventoryError(400, unsupported(node.driver, 'get_supported_indicators'));
}

export function mustFindIndicator(node: NodeOfIndicator, component: string, name: string): Indicator {
  const found = indicatorsOf(node).find((each) => each.component === component && each.name === name);
  if (found === undefined) throw new InventoryError(400, `Node ${node.uuid} has no indicator ${name}@${component}.`);
  return found;
}

export function readIndicator(node: NodeOfIndicator, component: string, name: string): string {
  mustFindIndicator(node, component, name);
  const kept = (node.driver_internal_info as { indicators?: Record<string, string> }).indicators ?? {};
  return kept[`${name}@${component}`] ?? 'ON';
}

/** @throws 400 when it has no such state, or may not be set. */
export function requireState({ name, component, readonly, states }: Indicator, state: string): void {
  if (readonly) throw new InventoryError(400, `The indicator ${name}@${component} can only be read.`);
  if (!states.includes(state)) throw new InventoryError(400, `${state} is no state of ${name}@${component}: ${states.join(', ')}.`);
}

/** @throws 400 for an indicator or state that is not there, or may not be set. */
export async function setIndicator(trx: Trx | Db, node: NodeOfIndicator, component: string, name: string, state: string): Promise<void> {
  requireState(mustFindIndicator(node, component, name), state);
  await sql`update node set driver_internal_info = jsonb_set(driver_internal_info, '{indicators}',
    coalesce(driver_internal_info -> 'indicators', '{}') || ${JSON.stringify({ [`${name}@${component}`]: state })}::jsonb) where uuid = ${node.uuid}`.execute(
    trx,
  );
}
