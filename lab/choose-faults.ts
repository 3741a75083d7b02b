import { FAULTS } from './fault/fault-table.ts';
import type { Fault } from './fault/fault.ts';
import type { RackFaults } from './start-rack.ts';
import type { RackSpec } from './topology.ts';

export const allFaults = (): readonly Fault[] => FAULTS;

/** The faults with these names, each once, in the table's order; or the names that nobody knows. */
export function chooseFaults(names: readonly string[]): { readonly faults: readonly Fault[] } | { readonly unknown: readonly string[] } {
  const unknown = names.filter((name) => !FAULTS.some((fault) => fault.name === name));
  return unknown.length > 0 ? { unknown } : { faults: FAULTS.filter((fault) => names.includes(fault.name)) };
}

/** What the rack itself is told. Faults of the same kind add up: each has its own settings. */
export const rackFaultsOf = (faults: readonly Fault[]): RackFaults => ({
  frames: Object.assign({}, ...faults.map((fault) => fault.frames ?? {})) as NonNullable<RackFaults['frames']>,
  bmc: Object.assign({}, ...faults.map((fault) => fault.bmc ?? {})) as NonNullable<RackFaults['bmc']>,
});

/** Those that a BMC has by itself, without a rack around it. */
export const bmcFaults = (): readonly Fault[] => FAULTS.filter(({ part }) => part === 'bmc');

export const shapeRack = (spec: RackSpec, faults: readonly Fault[]): RackSpec =>
  faults.reduce((shaped, fault) => fault.shape?.(shaped) ?? shaped, spec);
