import type { JsonObject } from '../../core/base/json.ts';
import {
  SECURE_BOOT_DATABASES,
  type SecureBootCalls,
  type SecureBootDatabase,
  type SecureBootKey,
  type SecureBootKeys,
} from '../secure-boot.ts';
import { optional, pathAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** SecureBoot (DSP8010): `SecureBootEnable` is the wish, `SecureBootCurrentBoot` what the present start has. */
const KEYS: Readonly<Record<SecureBootKeys, string>> = {
  defaults: 'ResetAllKeysToDefault',
  'delete-all': 'DeleteAllKeys',
  'delete-platform-key': 'DeletePK',
};

/** Which collection of a database has them, and what their text is called (DSP2046: Certificate, Signature). */
const LISTS = {
  certificate: { list: 'Certificates', text: 'CertificateString', type: { CertificateType: 'PEM' } },
  signature: {
    list: 'Signatures',
    text: 'SignatureString',
    type: { SignatureType: 'EFI_CERT_SHA256_GUID', SignatureTypeRegistry: 'UEFI' },
  },
} as const;
const KINDS = ['certificate', 'signature'] as const;

export function redfishSecureBoot(tree: RedfishTree): SecureBootCalls {
  const read = async (signal: AbortSignal) => tree.follow(await tree.system(signal), 'SecureBoot', signal);
  const databases = async (signal: AbortSignal): Promise<[SecureBootDatabase, JsonObject][]> =>
    (await tree.members(await read(signal), 'SecureBootDatabases', signal)).flatMap((body) => {
      const name = SECURE_BOOT_DATABASES.find((each) => each === (textAt(body, 'DatabaseId') ?? textAt(body, 'Id')));
      return name === undefined ? [] : [[name, body]];
    });
  const mustFind = async (database: SecureBootDatabase, signal: AbortSignal): Promise<JsonObject> => {
    const [, found] = (await databases(signal)).find(([name]) => name === database) ?? [];
    if (found === undefined) throw tree.missing(`secure boot database ${database}`);
    return found;
  };
  const entries = async (database: SecureBootDatabase, body: JsonObject, kind: SecureBootKey['kind'], signal: AbortSignal) =>
    pathAt(body, LISTS[kind].list) === undefined
      ? []
      : (await tree.members(body, LISTS[kind].list, signal)).map((each) => ({
          path: textAt(each, '@odata.id')!,
          key: {
            database,
            kind,
            id: textAt(each, 'Id') ?? '',
            text: textAt(each, LISTS[kind].text) ?? '',
            ...optional('owner', textAt(each, 'UefiSignatureOwner')),
          },
        }));
  return {
    async secureBootKeys(signal) {
      const found = await databases(signal);
      const lists = found.flatMap(([name, body]) => KINDS.map((kind) => entries(name, body, kind, signal)));
      return (await Promise.all(lists)).flat().map(({ key }) => key);
    },
    async addSecureBootKey({ database, kind, text, owner }, signal) {
      const { list, text: name, type } = LISTS[kind];
      const path = pathAt(await mustFind(database, signal), list);
      if (path === undefined) throw tree.missing(`list of ${kind}s in secure boot database ${database}`);
      await tree.http.post(path, { [name]: text, ...type, ...(owner === undefined ? {} : { UefiSignatureOwner: owner }) }, signal);
    },
    async removeSecureBootKey({ database, kind, id }, signal) {
      const known = await entries(database, await mustFind(database, signal), kind, signal);
      const path = known.find(({ key }) => key.id === id)?.path;
      if (path === undefined) return false;
      await tree.http.start('DELETE', path, undefined, signal);
      return true;
    },
    async secureBoot(signal) {
      const resource = await read(signal);
      return { enabled: resource['SecureBootEnable'] === true, active: resource['SecureBootCurrentBoot'] === 'Enabled' };
    },
    async setSecureBoot(enabled, signal) {
      const resource = await read(signal);
      await tree.http.start('PATCH', textAt(resource, '@odata.id')!, { SecureBootEnable: enabled }, signal);
    },
    async resetSecureBootKeys(keys, signal) {
      const reset = await tree.action(await read(signal), '#SecureBoot.ResetKeys', 'ResetKeysType', signal);
      if (reset === undefined) throw tree.missing('action to reset secure boot keys');
      if (reset.allowableValues && !reset.allowableValues.includes(KEYS[keys])) throw tree.missing(`reset of keys "${keys}"`);
      await tree.http.start('POST', reset.target, { ResetKeysType: KEYS[keys] }, signal);
    },
  };
}
