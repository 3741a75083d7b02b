/** BIOS settings of the emulated machine: what is set waits for the next start. Bookkeeping: no firmware reads them. */
export type BiosValue = string | number | boolean;

export interface BiosAttributeSpec {
  readonly name: string;
  readonly display: string;
  readonly default: BiosValue;
  readonly type: 'Enumeration' | 'String' | 'Integer' | 'Boolean';
  readonly values?: readonly string[];
  readonly bounds?: readonly [lower: number, upper: number];
  readonly lengths?: readonly [min: number, max: number];
  readonly readOnly?: true;
  readonly unique?: true;
}

const ON_OFF = ['Enabled', 'Disabled'] as const;
const choice = (name: string, display: string, values: readonly string[]): BiosAttributeSpec => ({
  name,
  display,
  default: values[0]!,
  type: 'Enumeration',
  values,
});

export const BIOS_ATTRIBUTES: readonly BiosAttributeSpec[] = [
  choice('ProcVirtualization', 'Processor virtualization', ON_OFF),
  choice('LogicalProc', 'Logical processors', ON_OFF),
  choice('SriovGlobalEnable', 'SR-IOV', ['Disabled', 'Enabled']),
  choice('SysProfile', 'System profile', ['PerfOptimized', 'PerfPerWatt', 'Custom']),
  choice('NumaNodesPerSocket', 'NUMA nodes per socket', ['1', '2', '4']),
  choice('SerialRedirection', 'Serial console', ON_OFF),
  choice('PxeDev1EnDis', 'Network boot of the first NIC', ON_OFF),
  { name: 'BootRetryCount', display: 'Boot retries', default: 3, type: 'Integer', bounds: [0, 20] },
  { name: 'QuietBoot', display: 'Quiet boot', default: true, type: 'Boolean' },
  { name: 'AdminContact', display: 'Administrator', default: '', type: 'String', lengths: [0, 63] },
  { name: 'BiosVersion', display: 'BIOS version', default: '1.0.0', type: 'String', lengths: [1, 32], readOnly: true },
  { name: 'ServiceTag', display: 'Service tag', default: '', type: 'String', lengths: [0, 32], readOnly: true, unique: true },
];

export interface BiosState {
  current(): Readonly<Record<string, BiosValue>>;
  pending(): Readonly<Record<string, BiosValue>>;
  /** What is wrong with the values; undefined: they wait for the next start. */
  set(values: Readonly<Record<string, unknown>>): string | undefined;
  resetToDefaults(): void;
  /** The machine starts. */
  apply(): void;
}

function complaint(name: string, value: unknown): string | undefined {
  const spec = BIOS_ATTRIBUTES.find((each) => each.name === name);
  if (spec === undefined) return `There is no attribute ${name}.`;
  if (spec.readOnly) return `Attribute ${name} can only be read.`;
  if (spec.type === 'Boolean') return typeof value === 'boolean' ? undefined : `${name} is true or false.`;
  if (spec.type === 'Integer') {
    const [lower, upper] = spec.bounds!;
    const fits = Number.isInteger(value) && (value as number) >= lower && (value as number) <= upper;
    return fits ? undefined : `${name} is a whole number from ${lower} to ${upper}.`;
  }
  if (typeof value !== 'string') return `${name} is text.`;
  if (spec.values !== undefined && !spec.values.includes(value)) return `${name} is one of ${spec.values.join(', ')}.`;
  const [min, max] = spec.lengths ?? [0, Infinity];
  return value.length < min || value.length > max ? `${name} has ${min} to ${max} characters.` : undefined;
}

export function createBiosState(known: { readonly serial: string; readonly version: () => string }): BiosState {
  const defaults = (): Record<string, BiosValue> => ({
    ...Object.fromEntries(BIOS_ATTRIBUTES.map((spec) => [spec.name, spec.default])),
    ServiceTag: known.serial,
  });
  let current = defaults();
  let pending: Record<string, BiosValue> = {};
  return {
    current: () => ({ ...current, BiosVersion: known.version() }),
    pending: () => pending,
    set(values) {
      const wrong = Object.entries(values)
        .map(([name, value]) => complaint(name, value))
        .find((each) => each !== undefined);
      if (wrong === undefined) pending = { ...pending, ...(values as Record<string, BiosValue>) };
      return wrong;
    },
    resetToDefaults() {
      const changed = Object.entries(defaults()).filter(([name, value]) => current[name] !== value);
      pending = Object.fromEntries(changed);
    },
    apply() {
      current = { ...current, ...pending };
      pending = {};
    },
  };
}
