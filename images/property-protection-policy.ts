import { PROPERTY_ACTIONS, type PropertyAction, type PropertyProtections } from './property-protection-codec.ts';

/** Who may see and change additional properties of images. Without protections everybody may who may change the image; with them, nobody whom no rule names. */
export interface PropertyCaller {
  readonly roles: readonly string[];
  readonly allowsPolicy: (name: string) => boolean;
}

type Properties = Readonly<Record<string, string>>;

/** Ours: what an import says of itself is always shown, and never written by clients. */
const OWN_PREFIX = 'os_glance_';

export function mayTouch(
  protections: PropertyProtections | undefined,
  name: string,
  action: PropertyAction,
  { roles, allowsPolicy }: PropertyCaller,
): boolean {
  if (protections === undefined || protections.rules.length === 0 || name.startsWith(OWN_PREFIX)) return true;
  const allowed = protections.rules.find(({ pattern }) => pattern.test(name))?.[action] ?? [];
  if (allowed.includes('!')) return false;
  if (allowed.includes('@')) return true;
  return protections.format === 'roles' ? allowed.some((role) => roles.includes(role)) : allowed.some(allowsPolicy);
}

export const readableProperties = (protections: PropertyProtections | undefined, properties: Properties, caller: PropertyCaller) =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => mayTouch(protections, name, 'read', caller)));

/** The first property that the caller may not change so; undefined: all of it may be. `before`: what the caller can read. */
export function forbiddenProperty(
  protections: PropertyProtections | undefined,
  before: Properties,
  after: Properties,
  caller: PropertyCaller,
): string | undefined {
  const changes: [name: string, action: PropertyAction][] = [
    ...Object.keys(after).flatMap((name): [string, PropertyAction][] => {
      if (!Object.hasOwn(before, name)) return [[name, 'create']];
      return before[name] === after[name] ? [] : [[name, 'update']];
    }),
    ...Object.keys(before).flatMap((name): [string, PropertyAction][] => (Object.hasOwn(after, name) ? [] : [[name, 'delete']])),
  ];
  return changes.find(([name, action]) => !mayTouch(protections, name, action, caller))?.[0];
}

/** Of the policies that protections name, those that nobody knows: a call would fail on them. */
export const unknownPolicies = ({ format, rules }: PropertyProtections, known: (name: string) => boolean): string[] =>
  format === 'roles'
    ? []
    : rules
        .flatMap((rule) => PROPERTY_ACTIONS.flatMap((action) => rule[action]))
        .filter((name) => name !== '@' && name !== '!' && !known(name));
