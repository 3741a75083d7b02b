import type { JsonObject } from '../../../core/base/json.ts';
import { BIOS_ATTRIBUTES, type BiosAttributeSpec } from '../state/bios-state.ts';
import { redfishError } from './redfish-error.ts';
import { action, collection, isObject, link, NO_CONTENT, resource, ROOT, SYSTEM_PATH, type RedfishNoun } from './redfish-shapes.ts';

/** Bios, its settings resource, and the attribute registry with the file that leads to it. */
const BIOS = `${SYSTEM_PATH}/Bios`;
const SETTINGS = `${BIOS}/Settings`;
const REGISTRIES = `${ROOT}/Registries`;
const REGISTRY = 'BiosAttributeRegistry.v1_0_0';
const REGISTRY_FILE = `${REGISTRIES}/${REGISTRY}`;
const REGISTRY_PATH = `${REGISTRIES}/${REGISTRY}/Content`;

const entryOf = (spec: BiosAttributeSpec): JsonObject => ({
  AttributeName: spec.name,
  DisplayName: spec.display,
  Type: spec.type,
  DefaultValue: spec.default,
  ReadOnly: spec.readOnly === true,
  ResetRequired: spec.readOnly !== true,
  IsSystemUniqueProperty: spec.unique === true,
  ...(spec.values === undefined ? {} : { Value: spec.values.map((word) => ({ ValueName: word, ValueDisplayName: word })) }),
  ...(spec.bounds === undefined ? {} : { LowerBound: spec.bounds[0], UpperBound: spec.bounds[1] }),
  ...(spec.lengths === undefined ? {} : { MinLength: spec.lengths[0], MaxLength: spec.lengths[1] }),
});

const registryFile = (): JsonObject =>
  resource(REGISTRY_FILE, 'MessageRegistryFile.v1_1_3', REGISTRY, 'BIOS Attribute Registry File', {
    Registry: REGISTRY,
    Languages: ['en'],
    'Languages@odata.count': 1,
    Location: [{ Language: 'en', Uri: REGISTRY_PATH }],
    'Location@odata.count': 1,
  });

const registry = (): JsonObject =>
  resource(REGISTRY_PATH, 'AttributeRegistry.v1_3_2', REGISTRY, 'BIOS Attribute Registry', {
    Language: 'en',
    OwningEntity: 'Rackwright',
    RegistryVersion: '1.0.0',
    RegistryEntries: { Attributes: BIOS_ATTRIBUTES.map(entryOf) },
  });

export const biosResources: RedfishNoun = {
  find(bmc, path) {
    if (path === BIOS)
      return resource(BIOS, 'Bios.v1_1_0', 'Bios', 'BIOS Settings', {
        AttributeRegistry: REGISTRY,
        Attributes: { ...bmc.bios.current() },
        '@Redfish.Settings': {
          '@odata.type': '#Settings.v1_3_0.Settings',
          SettingsObject: link(SETTINGS),
          SupportedApplyTimes: ['OnReset'],
        },
        Actions: { ...action(BIOS, 'Bios.ResetBios') },
      });
    if (path === SETTINGS)
      return resource(SETTINGS, 'Bios.v1_1_0', 'Settings', 'Pending BIOS Settings', {
        AttributeRegistry: REGISTRY,
        Attributes: { ...bmc.bios.pending() },
      });
    if (path === REGISTRIES) return collection(REGISTRIES, 'MessageRegistryFileCollection', 'Registries', [REGISTRY_FILE]);
    if (path === REGISTRY_FILE) return registryFile();
    return path === REGISTRY_PATH ? registry() : undefined;
  },
  post(bmc, path) {
    if (path !== `${BIOS}/Actions/Bios.ResetBios`) return undefined;
    bmc.bios.resetToDefaults();
    bmc.record('bmc.bios', `${bmc.name}: BIOS settings go back to their defaults at the next start`);
    return NO_CONTENT;
  },
  patch(bmc, path, body) {
    if (path !== SETTINGS) return undefined;
    const attributes = body['Attributes'];
    if (!isObject(attributes)) return redfishError(400, 'Attributes is not an object.');
    const wrong = bmc.bios.set(attributes);
    if (wrong !== undefined) return redfishError(400, wrong);
    bmc.record('bmc.bios', `${bmc.name}: BIOS settings wait for the next start`, { attributes: Object.keys(attributes) });
    return NO_CONTENT;
  },
};
