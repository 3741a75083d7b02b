import { unsupported } from './driver-table.ts';
import { sql } from 'kysely';
import { isFake } from './fake-hardware.ts';
import { InventoryError, type Db, type Trx } from './node-record.ts';

/*
 * Indicators (LEDs) of a node. Only fake hardware has any so far: a BMC's identify light is asked for by name and refused
 * until its protocol can set it.
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

interface NodeOfIndicator {
  readonly uuid: string;
  readonly driver: string;
  readonly driver_internal_info: object;
}

/** @throws 400 when the driver has none. */
export function indicatorsOf(node: NodeOfIndicator): readonly Indicator[] {
  if (isFake(node)) return FAKE;
  throw new InventoryError(400, unsupported(node.driver, 'get_supported_indicators'));
}

function mustFind(node: NodeOfIndicator, component: string, name: string): Indicator {
  const found = indicatorsOf(node).find((each) => each.component === component && each.name === name);
  if (found === undefined) throw new InventoryError(400, `Node ${node.uuid} has no indicator ${name}@${component}.`);
  return found;
}

export function readIndicator(node: NodeOfIndicator, component: string, name: string): string {
  mustFind(node, component, name);
  const kept = (node.driver_internal_info as { indicators?: Record<string, string> }).indicators ?? {};
  return kept[`${name}@${component}`] ?? 'ON';
}

/** @throws 400 for an indicator or state that is not there, or may not be set. */
export async function setIndicator(trx: Trx | Db, node: NodeOfIndicator, component: string, name: string, state: string): Promise<void> {
  const indicator = mustFind(node, component, name);
  if (indicator.readonly) throw new InventoryError(400, `The indicator ${name}@${component} can only be read.`);
  if (!indicator.states.includes(state))
    throw new InventoryError(400, `${state} is no state of ${name}@${component}: ${indicator.states.join(', ')}.`);
  await sql`update node set driver_internal_info = jsonb_set(driver_internal_info, '{indicators}',
    coalesce(driver_internal_info -> 'indicators', '{}') || ${JSON.stringify({ [`${name}@${component}`]: state })}::jsonb) where uuid = ${node.uuid}`.execute(
    trx,
  );
}
