/*
 * Values of OVSDB (RFC 7047, section 5.1) as plain ones. A column is an atom, a set of atoms or a map of atoms; a reference to a row is
 * an atom too. Sets and maps have no order, so they are kept sorted: equal values are equal texts.
 */
export interface RowReference {
  readonly uuid: string;
}
export type Atom = string | number | boolean | RowReference;
export type Value = Atom | { readonly set: readonly Atom[] } | { readonly map: ReadonlyMap<Atom, Atom> };

export const isReference = (atom: unknown): atom is RowReference => typeof atom === 'object' && atom !== null && 'uuid' in atom;
const textOf = (atom: Atom): string => (isReference(atom) ? `@${atom.uuid}` : `${typeof atom} ${String(atom)}`);
const byText = (one: Atom, other: Atom) => (textOf(one) < textOf(other) ? -1 : textOf(one) > textOf(other) ? 1 : 0);

function readAtom(wire: unknown): Atom {
  if (Array.isArray(wire) && (wire[0] === 'uuid' || wire[0] === 'named-uuid')) return { uuid: String(wire[1]) };
  return wire as Atom;
}

/** A set of one element comes as the element itself: it is read as a set only where the caller says so. */
export function readValue(wire: unknown): Value {
  if (!Array.isArray(wire)) return wire as Atom;
  if (wire[0] === 'set') return { set: (wire[1] as unknown[]).map(readAtom).sort(byText) };
  if (wire[0] === 'map') {
    const pairs = (wire[1] as [unknown, unknown][]).map(([key, value]): [Atom, Atom] => [readAtom(key), readAtom(value)]);
    return { map: new Map(pairs.sort((one, other) => byText(one[0], other[0]))) };
  }
  return readAtom(wire);
}

const writeAtom = (atom: Atom): unknown => (isReference(atom) ? ['uuid', atom.uuid] : atom);

export function writeValue(value: Value): unknown {
  if (typeof value !== 'object' || isReference(value)) return writeAtom(value);
  if ('set' in value) return ['set', value.set.map(writeAtom)];
  return ['map', [...value.map].map(([key, one]) => [writeAtom(key), writeAtom(one)])];
}

/** What a column holds, whichever way it came: a set of one and its element are the same. */
export function elementsOf(value: Value | undefined): readonly Atom[] {
  if (value === undefined) return [];
  if (typeof value !== 'object' || isReference(value)) return [value];
  return 'set' in value ? value.set : [...value.map.keys()];
}

/** The same for equal values of a column, as a text. */
export function canonical(value: Value | undefined): string {
  if (typeof value === 'object' && !isReference(value) && 'map' in value)
    return `{${[...value.map]
      .map(([key, one]) => `${textOf(key)}=${textOf(one)}`)
      .sort()
      .join(';')}}`;
  return `[${elementsOf(value).map(textOf).sort().join(';')}]`;
}

const isSameAtom = (one: Atom | undefined, other: Atom | undefined): boolean =>
  one === other || (isReference(one) && isReference(other) && one.uuid === other.uuid);

/** Whether {@link canonical} is the same, told without making it where values come in the same order, as they mostly do. */
export function isSame(one: Value | undefined, other: Value | undefined): boolean {
  if (one === other) return true;
  if (typeof one === 'object' && typeof other === 'object') {
    if (isReference(one) ? isReference(other) && isSameAtom(one, other) : !isReference(other) && isSameInOrder(one, other)) return true;
  }
  return canonical(one) === canonical(other);
}

function isSameInOrder(one: Exclude<Value, Atom>, other: Exclude<Value, Atom>): boolean {
  if ('set' in one)
    return 'set' in other && one.set.length === other.set.length && one.set.every((atom, at) => isSameAtom(atom, other.set[at]));
  if (!('map' in other) || one.map.size !== other.map.size) return false;
  for (const [key, value] of one.map) if (!isSameAtom(value, other.map.get(key))) return false;
  return true;
}

export const mapOf = (record: Readonly<Record<string, string | number>>): Value => ({ map: new Map(Object.entries(record)) });
export const textMap = (record: Readonly<Record<string, string>>): Value => mapOf(record);
export const setOf = (atoms: readonly Atom[]): Value => ({ set: [...atoms].sort(byText) });
