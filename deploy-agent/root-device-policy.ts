import type { JsonObject } from '../core/base/json.ts';
import type { InventoryDisk } from './protocol.ts';

/**
 * Root device hints in Ironic's form (admin guide, "Specifying the disk for deployment"): every hint must match. A value
 * may begin with an operator:
 *
 *   numbers   = (at least)  ==  !=  >=  >  <=  <        texts   s==  s!=  s>=  s>  s<=  s<
 *   texts     <in> part     <all-in> part part          both    <or> one <or> another
 *
 * Without an operator numbers and texts must be equal; letter case does not count. `size` is in GiB, rounded down.
 * Without hints it is the smallest disk of at least 4 GiB.
 */
export type RootDeviceChoice = { readonly disk: InventoryDisk } | { readonly error: string };

const ROOT_BYTES_MIN = 4 * 2 ** 30;

const FACTS: Readonly<Record<string, (disk: InventoryDisk) => string | number | boolean | undefined>> = {
  size: (disk) => Math.floor(disk.sizeBytes / 2 ** 30),
  model: (disk) => disk.model,
  vendor: (disk) => disk.vendor,
  serial: (disk) => disk.serial,
  wwn: (disk) => disk.wwn,
  rotational: (disk) => disk.rotational,
  hctl: (disk) => disk.hctl,
  name: (disk) => disk.device,
  by_path: (disk) => disk.byPath,
};

const NUMBER_OPERATORS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>=': (a, b) => a >= b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '<': (a, b) => a < b,
};

const TEXT_OPERATORS: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  's==': (a, b) => a === b,
  's!=': (a, b) => a !== b,
  's>=': (a, b) => a >= b,
  's>': (a, b) => a > b,
  's<=': (a, b) => a <= b,
  's<': (a, b) => a < b,
  '<in>': (a, b) => a.includes(b),
};

const normalize = (text: string) => text.trim().toLowerCase();

/** Undefined: the hint itself makes no sense. */
function matchText(fact: string, hint: string): boolean | undefined {
  const actual = normalize(fact);
  const wanted = normalize(hint);
  if (wanted.startsWith('<or>'))
    return wanted
      .split('<or>')
      .map((part) => part.trim())
      .filter(Boolean)
      .includes(actual);
  if (wanted.startsWith('<all-in>'))
    return wanted
      .split(/\s+/)
      .slice(1)
      .filter((part) => part !== '<all-in>')
      .every((part) => actual.includes(part));
  const [operator = '', ...rest] = wanted.split(/\s+/);
  const compare = TEXT_OPERATORS[operator];
  if (compare) return rest.length > 0 ? compare(actual, wanted.slice(operator.length).trim()) : undefined;
  if (operator in NUMBER_OPERATORS) return matchNumber(Number(actual), hint);
  return actual === wanted;
}

function matchNumber(fact: number, hint: string): boolean | undefined {
  const wanted = normalize(hint);
  if (wanted.startsWith('<or>')) {
    const numbers = wanted
      .split('<or>')
      .map((part) => part.trim())
      .filter(Boolean)
      .map(Number);
    return numbers.some(Number.isNaN) ? undefined : numbers.includes(fact);
  }
  const parsed = /^(==|=|!=|>=|>|<=|<)?\s*(-?\d+(?:\.\d+)?)$/.exec(wanted);
  if (!parsed) return undefined;
  return NUMBER_OPERATORS[parsed[1] ?? '==']!(fact, Number(parsed[2]));
}

const TRUE = ['true', 'yes', '1', 'on', 't', 'y'];
const FALSE = ['false', 'no', '0', 'off', 'f', 'n'];

function matchBoolean(fact: boolean, hint: string): boolean | undefined {
  const wanted = normalize(hint);
  if (TRUE.includes(wanted)) return fact;
  return FALSE.includes(wanted) ? !fact : undefined;
}

function matchHint(name: string, fact: string | number | boolean | undefined, hint: string): boolean | undefined {
  if (fact === undefined) return false;
  if (typeof fact === 'number') return matchNumber(fact, hint);
  if (typeof fact === 'boolean') return matchBoolean(fact, hint);
  // WWNs are written with and without their prefix.
  if (name === 'wwn' && /^(0x)?[0-9a-f]+$/i.test(hint.trim()))
    return normalize(fact).replace(/^0x/, '') === normalize(hint).replace(/^0x/, '');
  return matchText(fact, hint);
}

const bySizeThenName = (a: InventoryDisk, b: InventoryDisk) =>
  a.sizeBytes - b.sizeBytes || a.name.localeCompare(b.name, 'en', { numeric: true });

const describe = (disks: readonly InventoryDisk[]) =>
  disks.map((disk) => `${disk.device} (${(disk.sizeBytes / 2 ** 30).toFixed(1)} GiB, serial ${disk.serial ?? 'none'})`).join(', ') ||
  'no disks';

/**
 * The disk that the operating system goes to. A disk without a serial is no choice: the agent could not be sure of it; nor is a
 * part of an array.
 */
export function chooseRootDevice(disks: readonly InventoryDisk[], hints: JsonObject): RootDeviceChoice {
  const usable = disks.filter((disk) => disk.serial !== undefined && disk.serial !== '' && disk.memberOf === undefined);
  const names = Object.keys(hints).filter((name) => hints[name] !== null);
  const unknown = names.filter((name) => !(name in FACTS));
  if (unknown.length > 0) return { error: `unknown root device hint ${unknown.join(', ')}; known are ${Object.keys(FACTS).join(', ')}` };
  if (names.length === 0) {
    const [smallest] = usable.filter((disk) => disk.sizeBytes >= ROOT_BYTES_MIN).sort(bySizeThenName);
    return smallest
      ? { disk: smallest }
      : { error: `no disk has at least ${ROOT_BYTES_MIN / 2 ** 30} GiB; this machine has ${describe(disks)}` };
  }
  let left = [...usable];
  for (const name of names) {
    const hint = hints[name];
    if (typeof hint === 'object') return { error: `root device hint ${name} must be a text, a number or true or false` };
    const matched = left.map((disk) => matchHint(name, FACTS[name]!(disk), String(hint)));
    if (matched.includes(undefined)) return { error: `root device hint ${name} cannot be understood: ${String(hint)}` };
    left = left.filter((_, index) => matched[index]);
  }
  const [chosen] = left.sort(bySizeThenName);
  return chosen
    ? { disk: chosen }
    : { error: `no disk matches the root device hints ${JSON.stringify(hints)}; this machine has ${describe(disks)}` };
}
