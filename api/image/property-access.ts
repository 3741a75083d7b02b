import { forbiddenProperty, readableProperties, type PropertyCaller } from '../../images/property-protection-policy.ts';
import { Refusal } from '../service-plugin.ts';
import type { ImageCall } from './image-context.ts';

type Properties = Readonly<Record<string, string>>;

const callerOf = (call: ImageCall): PropertyCaller => ({ roles: call.actor.roles, allowsPolicy: (name) => call.allows(name) });

/** Additional properties as the caller may see them. */
export const propertiesSeen = (call: ImageCall, properties: Properties): Properties =>
  readableProperties(call.context.data.protections, properties, callerOf(call));

/** What becomes of all of them when the caller changes those that it sees. @throws Refusal 403 */
export function changeProperties(call: ImageCall, stored: Properties, change: (seen: Properties) => Properties): Properties {
  const seen = propertiesSeen(call, stored);
  const wanted = change(seen);
  const forbidden = forbiddenProperty(call.context.data.protections, seen, wanted, callerOf(call));
  if (forbidden !== undefined) throw new Refusal(403, `Attribute '${forbidden}' is reserved.`);
  const hidden = Object.entries(stored).filter(([name]) => !Object.hasOwn(seen, name));
  return { ...Object.fromEntries(hidden), ...wanted };
}
