import type { JsonObject } from '../../core/base/json.ts';
import type { BiosAttribute, BiosCalls, BiosValue, BiosValues } from '../bios.ts';
import { numberAt, objectAt, objectsAt, optional, pathAt, textAt, textsAt } from './json-codec.ts';
import { ignoreUnsupported, type RedfishTree } from './redfish-tree.ts';

/** Bios (DSP8010) with its settings resource and its attribute registry. */
const isValue = (value: unknown): value is BiosValue => value === null || ['string', 'number', 'boolean'].includes(typeof value);

const valuesOf = (resource: JsonObject): BiosValues =>
  Object.fromEntries(Object.entries(objectAt(resource, 'Attributes')).filter((entry): entry is [string, BiosValue] => isValue(entry[1])));

const truthAt = (body: JsonObject, key: string): boolean | undefined => (typeof body[key] === 'boolean' ? body[key] : undefined);

function describe(entry: JsonObject): Omit<BiosAttribute, 'name' | 'value'> {
  const allowed = objectsAt(entry, 'Value').flatMap((each) => textAt(each, 'ValueName') ?? []);
  return {
    ...optional('type', textAt(entry, 'Type') as BiosAttribute['type']),
    ...optional('allowableValues', allowed.length > 0 ? allowed : undefined),
    ...optional('lowerBound', numberAt(entry, 'LowerBound')),
    ...optional('upperBound', numberAt(entry, 'UpperBound')),
    ...optional('minLength', numberAt(entry, 'MinLength')),
    ...optional('maxLength', numberAt(entry, 'MaxLength')),
    ...optional('readOnly', truthAt(entry, 'ReadOnly')),
    ...optional('resetRequired', truthAt(entry, 'ResetRequired')),
    ...optional('unique', truthAt(entry, 'IsSystemUniqueProperty')),
  };
}

export function redfishBios(tree: RedfishTree): BiosCalls {
  const readBios = async (signal: AbortSignal) => tree.follow(await tree.system(signal), 'Bios', signal);

  /** The registry that the resource names, in English or whatever comes first; nothing when there is none. */
  const readRegistry = async (name: string | undefined, signal: AbortSignal): Promise<JsonObject> => {
    if (name === undefined) return {};
    const found = (await tree.members(await tree.root(signal), 'Registries', signal)).find(
      (each) => textAt(each, 'Id') === name || (textAt(each, 'Registry') ?? '').startsWith(name),
    );
    const places = found === undefined ? [] : objectsAt(found, 'Location');
    const place = places.find((each) => /^en/i.test(textAt(each, 'Language') ?? '')) ?? places[0];
    const uri = place === undefined ? undefined : textAt(place, 'Uri');
    return uri === undefined ? {} : tree.http.get(uri, signal);
  };

  const settingsOf = (bios: JsonObject): string | undefined => pathAt(objectAt(bios, '@Redfish.Settings'), 'SettingsObject');

  return {
    async biosAttributes(signal) {
      const bios = await readBios(signal);
      const registry = await readRegistry(textAt(bios, 'AttributeRegistry'), signal).catch(ignoreUnsupported);
      const entries = new Map(
        objectsAt(objectAt(registry, 'RegistryEntries'), 'Attributes').map((each) => [textAt(each, 'AttributeName'), each]),
      );
      return Object.entries(valuesOf(bios)).map(([name, value]) => ({ name, value, ...describe(entries.get(name) ?? {}) }));
    },
    async pendingBios(signal) {
      const bios = await readBios(signal);
      const path = settingsOf(bios);
      if (path === undefined) return {};
      const current = valuesOf(bios);
      // Some list every attribute there, changed or not.
      return Object.fromEntries(
        Object.entries(valuesOf(await tree.http.get(path, signal))).filter(([name, value]) => current[name] !== value),
      );
    },
    async setBios(values, signal) {
      const bios = await readBios(signal);
      const { biosApplyTime } = await tree.habits(signal);
      const times = textsAt(objectAt(bios, '@Redfish.Settings'), 'SupportedApplyTimes');
      const saysWhen = biosApplyTime !== undefined || times.length > 0;
      const applyTime = saysWhen ? { '@Redfish.SettingsApplyTime': { ApplyTime: biosApplyTime ?? 'OnReset' } } : {};
      const target = settingsOf(bios) ?? textAt(bios, '@odata.id')!;
      // Not followed: such a task ends only with the machine's next start.
      await tree.http.start('PATCH', target, { Attributes: { ...values }, ...applyTime }, signal);
    },
    async resetBios(signal) {
      const reset = await tree.action(await readBios(signal), '#Bios.ResetBios', 'ResetType', signal);
      if (reset === undefined) throw tree.missing('action to reset the BIOS settings');
      await tree.http.start('POST', reset.target, {}, signal);
    },
  };
}
