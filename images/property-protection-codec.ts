/*
 * Glance's file of property protections (glance, "Property Protections"): sections whose names are regular expressions of properties, in order, the first that
 * fits counts; in each, who may create, read, update and delete: roles with commas between them, or the name of one policy; `@` is everybody, `!` nobody.
 */
export const PROPERTY_ACTIONS = ['create', 'read', 'update', 'delete'] as const;
export type PropertyAction = (typeof PROPERTY_ACTIONS)[number];
export type ProtectionFormat = 'roles' | 'policies';

export interface PropertyProtections {
  readonly format: ProtectionFormat;
  readonly rules: readonly ({ readonly pattern: RegExp } & Readonly<Record<PropertyAction, readonly string[]>>)[];
}

/** Mistakes are told in sentences, all of them. */
export function decodePropertyProtections(
  text: string,
  format: ProtectionFormat,
): PropertyProtections | { readonly mistakes: readonly string[] } {
  const mistakes: string[] = [];
  const rules = sectionsOf(text, mistakes).map(({ name, values }) => ({
    pattern: readPattern(name, mistakes),
    create: readNames(name, 'create', values, format, mistakes),
    read: readNames(name, 'read', values, format, mistakes),
    update: readNames(name, 'update', values, format, mistakes),
    delete: readNames(name, 'delete', values, format, mistakes),
  }));
  return mistakes.length > 0 ? { mistakes } : { format, rules };
}

interface Section {
  readonly name: string;
  readonly values: Map<string, string>;
}

function sectionsOf(text: string, mistakes: string[]): Section[] {
  const sections: Section[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*([#;].*)?$/.test(line)) continue;
    // To the last bracket: the name may have some of its own.
    const header = /^\[(.+)\]\s*$/.exec(line);
    const entry = /^\s*([^=:\s]+)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (header) sections.push({ name: header[1]!, values: new Map() });
    else if (entry && sections.length > 0) sections.at(-1)!.values.set(entry[1]!.toLowerCase(), entry[2]!);
    else mistakes.push(`line ${at + 1} is neither a section nor NAME = VALUE in one`);
  }
  return sections;
}

function readPattern(name: string, mistakes: string[]): RegExp {
  try {
    return new RegExp(name);
  } catch (error) {
    mistakes.push(`[${name}] is no regular expression: ${(error as Error).message}`);
    return /$^/;
  }
}

function readNames(
  section: string,
  action: PropertyAction,
  values: ReadonlyMap<string, string>,
  format: ProtectionFormat,
  mistakes: string[],
): string[] {
  const value = values.get(action);
  if (value === undefined) {
    mistakes.push(`[${section}] does not say who may ${action}`);
    return [];
  }
  const names = value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (format === 'policies' && names.length > 1) mistakes.push(`[${section}] ${action} names more than one policy`);
  if (names.includes('@') && names.includes('!')) mistakes.push(`[${section}] ${action} has both @ and !`);
  return names;
}
