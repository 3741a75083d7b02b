import type { JsonObject } from '../core/base/json.ts';

/*
 * A machine's boots, read from its flight recorder: one trace for each power-on, from the BMC's order or the firmware's first DHCP packet to the agent's first
 * word (or the order to start from disk), with the time that each part took and, where it went no further, what it waits for.
 */
export interface BootEvent {
  readonly id: number;
  readonly at: Date;
  readonly kind: string;
  readonly evidence: JsonObject;
}

export type BootPhaseName = 'firmware' | 'loader' | 'download' | 'kernel' | 'agent';

export interface BootPhase {
  readonly name: BootPhaseName;
  readonly startedAt: Date;
  /** Milliseconds; of the last phase of a boot that went no further, until its last sign. */
  readonly ms: number;
  /** Ids of the first and the last event that belong to it. */
  readonly events: readonly [number, number];
}

export interface BootTrace {
  readonly startedAt: Date;
  /** Who began it: an order to the BMC, or the machine itself (a person at its button, a reset from inside). */
  readonly startedBy: 'bmc' | 'machine';
  readonly outcome: 'agent' | 'disk' | 'image' | 'volume' | 'held' | 'off' | 'unfinished';
  readonly ms: number;
  readonly phases: readonly BootPhase[];
  /** What did not come, of a boot that is unfinished or was switched off on its way. */
  readonly waitsFor?: string;
}

/** What an event says of where a boot is. */
type Sign =
  | { readonly at: 'power' }
  | { readonly at: 'off' }
  | { readonly at: 'address' | 'loader' | 'files' | 'system' | 'agent' }
  | { readonly at: 'orders'; readonly intent: string };

const LOADER = /(^|\/)(undionly\.kpxe|snponly(-arm64)?\.efi|ipxe\.efi|(shim|grub)(x64|aa64)\.efi)$/;
const AGENT_FILE = /(^|\/)(kernel|ramdisk)(-arm64)?$/;
const GRUB_ORDERS = /(^|\/)grub\/machine\.cfg$/;

function signOf({ kind, evidence }: BootEvent): Sign | undefined {
  const path = String(evidence['path'] ?? '');
  if (kind === 'bmc.power') return evidence['outcome'] === 'ok' ? { at: evidence['argument'] === 'off' ? 'off' : 'power' } : undefined;
  if (kind.startsWith('dhcp') && /\.(offer|ack|advertise|reply)$/.test(kind))
    return { at: evidence['architecture'] === undefined && evidence['userClasses'] === undefined ? 'system' : 'address' };
  if (kind === 'http.script') return { at: 'orders', intent: String(evidence['intent']) };
  if (kind === 'tftp.read' && GRUB_ORDERS.test(path)) return { at: 'orders', intent: String(evidence['intent'] ?? 'agent') };
  if (kind === 'tftp.read' || kind === 'http.get' || kind === 'http.start') {
    if (LOADER.test(path)) return { at: 'loader' };
    return AGENT_FILE.test(path) ? { at: 'files' } : undefined;
  }
  return kind.startsWith('agent.') ? { at: 'agent' } : undefined;
}

/** Where the phase that ends with the first sign of this kind began is where the one before ended. */
const ENDS: readonly (readonly [sign: Sign['at'], phase: BootPhaseName])[] = [
  ['address', 'firmware'],
  ['orders', 'loader'],
  ['files', 'download'],
  ['system', 'kernel'],
  ['agent', 'agent'],
];
/** What comes next, when the last sign was this one. */
const NEXT: Readonly<Record<Exclude<Sign['at'], 'off' | 'agent'>, string>> = {
  power: 'the firmware’s first DHCP packet: is the cable in, is network boot on, and is it first in the boot order?',
  address: 'the boot program to be loaded, by TFTP or HTTP',
  loader: 'the boot program to start and ask for its orders',
  orders: 'kernel and ramdisk to be loaded',
  files: 'the kernel to start and ask for an address',
  system: 'the agent’s first word to the control plane',
};

interface Open {
  readonly startedAt: Date;
  readonly startedBy: 'bmc' | 'machine';
  readonly signs: { readonly sign: Sign; readonly event: BootEvent }[];
}

/** @param events of one machine in order of time */
export function traceBoots(events: readonly BootEvent[]): BootTrace[] {
  const traces: BootTrace[] = [];
  let open: Open | undefined;
  const close = () => {
    if (open !== undefined && open.signs.some(({ sign }) => sign.at !== 'off')) traces.push(traceOf(open));
    open = undefined;
  };
  for (const event of events) {
    const sign = signOf(event);
    if (sign === undefined) continue;
    if (sign.at === 'off') {
      // Off while it works is the end of its boot's story only when that had not come to its end.
      if (open !== undefined && !hasEnded(open)) open.signs.push({ sign, event });
      close();
      continue;
    }
    const isNew = sign.at === 'power' || (sign.at === 'address' && (open === undefined || hasOrders(open)));
    if (isNew) {
      close();
      open = { startedAt: event.at, startedBy: sign.at === 'power' ? 'bmc' : 'machine', signs: [] };
    }
    if (open !== undefined && !hasEnded(open)) open.signs.push({ sign, event });
  }
  close();
  return traces;
}

const hasOrders = ({ signs }: Open): boolean => signs.some(({ sign }) => sign.at === 'orders');
/** A system asked for an address that got no kernel from us: it came from the machine's disk. */
const isOwnSystem = (signs: readonly Sign[]): boolean => signs.some(({ at }) => at === 'system') && !signs.some(({ at }) => at === 'files');

/** The agent spoke, or the machine was sent on to what the boot plane does not see. */
const hasEnded = ({ signs }: Open): boolean => {
  if (isOwnSystem(signs.map(({ sign }) => sign))) return true;
  const orders = signs.findLast(({ sign }) => sign.at === 'orders')?.sign;
  return signs.some(({ sign }) => sign.at === 'agent') || (orders?.at === 'orders' && ['disk', 'image', 'volume'].includes(orders.intent));
};

function traceOf({ startedAt, startedBy, signs }: Open): BootTrace {
  const last = signs.at(-1)!;
  const ms = last.event.at.getTime() - startedAt.getTime();
  const outcome = outcomeOf(signs.map(({ sign }) => sign));
  const lastBefore = signs.findLast(({ sign }) => sign.at !== 'off')?.sign.at ?? 'power';
  const isShort = outcome === 'unfinished' || outcome === 'off';
  return {
    startedAt,
    startedBy,
    outcome,
    ms,
    phases: phasesOf(startedAt, signs),
    ...(isShort && lastBefore !== 'off' && lastBefore !== 'agent' ? { waitsFor: NEXT[lastBefore] } : {}),
  };
}

function outcomeOf(signs: readonly Sign[]): BootTrace['outcome'] {
  if (signs.some(({ at }) => at === 'agent')) return 'agent';
  if (isOwnSystem(signs)) return 'disk';
  const orders = signs.findLast((sign) => sign.at === 'orders');
  const intent = orders?.at === 'orders' ? orders.intent : undefined;
  if (intent === 'disk' || intent === 'image' || intent === 'volume') return intent;
  if (signs.at(-1)?.at === 'off') return 'off';
  return intent === 'hold' ? 'held' : 'unfinished';
}

/** Each phase ends with the last sign of its kind, as long as no later kind was seen: iPXE asks for an address of its own, files are two. */
function phasesOf(startedAt: Date, signs: Open['signs']): BootPhase[] {
  const phases: BootPhase[] = [];
  let fromMs = startedAt.getTime();
  let from = 0;
  for (const [sign, name] of ENDS) {
    const first = signs.findIndex((one, index) => index >= from && one.sign.at === sign);
    if (first < 0) continue;
    let end = first;
    // The firmware's phase ends with its first answer: what iPXE asks later is the loader's.
    if (sign !== 'address') while (signs[end + 1]?.sign.at === sign) end += 1;
    const endMs = signs[end]!.event.at.getTime();
    phases.push({ name, startedAt: new Date(fromMs), ms: endMs - fromMs, events: [signs[from]!.event.id, signs[end]!.event.id] });
    [fromMs, from] = [endMs, Math.min(end + 1, signs.length - 1)];
  }
  return phases;
}
