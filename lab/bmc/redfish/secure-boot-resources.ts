import { X509Certificate } from 'node:crypto';
import type { JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { EmulatedKey } from '../state/secure-boot-state.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import { action, collection, link, NO_CONTENT, resource, SYSTEM_PATH, type RedfishNoun } from './redfish-shapes.ts';

const SECURE_BOOT = `${SYSTEM_PATH}/SecureBoot`;
const DATABASES = `${SECURE_BOOT}/SecureBootDatabases`;
const KEY_RESETS = ['ResetAllKeysToDefault', 'DeleteAllKeys', 'DeletePK'] as const;

/** What of a key is below which list of its database. */
const LISTS = { Certificates: 'certificate', Signatures: 'signature' } as const;

/** `…/SecureBootDatabases/db/Certificates/3`, from left to right as far as it goes. */
function keyPath(bmc: BmcModel, path: string) {
  if (!path.startsWith(`${DATABASES}/`)) return undefined;
  const [name, list, id, ...more] = path.slice(DATABASES.length + 1).split('/');
  const keys = bmc.secureBoot.keys.get(name!);
  if (keys === undefined || more.length > 0 || (list !== undefined && !(list in LISTS))) return undefined;
  const kind = list === undefined ? undefined : LISTS[list as keyof typeof LISTS];
  const found = id === undefined ? undefined : keys.find((key) => key.kind === kind && key.id === id);
  return id !== undefined && found === undefined ? undefined : { name: name!, keys, list, kind, found };
}

const keyBody = (path: string, key: EmulatedKey): JsonObject =>
  key.kind === 'certificate'
    ? resource(path, 'Certificate.v1_5_0', key.id, 'Key', {
        CertificateString: key.text,
        CertificateType: 'PEM',
        UefiSignatureOwner: key.owner,
      })
    : resource(path, 'Signature.v1_0_2', key.id, 'Hash', {
        SignatureString: key.text,
        SignatureType: 'EFI_CERT_SHA256_GUID',
        SignatureTypeRegistry: 'UEFI',
        UefiSignatureOwner: key.owner,
      });

function findKeys(bmc: BmcModel, path: string): JsonObject | undefined {
  if (path === DATABASES)
    return collection(
      DATABASES,
      'SecureBootDatabaseCollection',
      'Databases',
      [...bmc.secureBoot.keys.keys()].map((name) => `${DATABASES}/${name}`),
    );
  const at = keyPath(bmc, path);
  if (at === undefined) return undefined;
  if (at.found !== undefined) return keyBody(path, at.found);
  if (at.list === undefined)
    return resource(path, 'SecureBootDatabase.v1_0_1', at.name, at.name, {
      DatabaseId: at.name,
      Certificates: link(`${path}/Certificates`),
      Signatures: link(`${path}/Signatures`),
    });
  const members = at.keys.filter(({ kind }) => kind === at.kind).map(({ id }) => `${path}/${id}`);
  return collection(path, at.list === 'Certificates' ? 'CertificateCollection' : 'SignatureCollection', at.list, members);
}

function addKey(bmc: BmcModel, path: string, body: JsonObject): RedfishReply | undefined {
  const at = keyPath(bmc, path);
  if (at?.kind === undefined || at.found !== undefined) return undefined;
  const text = String(body[at.kind === 'certificate' ? 'CertificateString' : 'SignatureString'] ?? '');
  if (at.kind === 'certificate' ? !isCertificate(text) : !/^[0-9a-f]{64}$/i.test(text))
    return redfishError(
      400,
      at.kind === 'certificate' ? 'CertificateString is no certificate in PEM.' : 'SignatureString is no SHA-256 in hex.',
    );
  if (at.keys.some((key) => key.text === text)) return redfishError(409, 'It is there already.');
  if (at.name === 'PK' && (at.keys.length > 0 || at.kind === 'signature')) return redfishError(409, 'PK holds one certificate.');
  const key = {
    id: String(bmc.secureBoot.nextId++),
    kind: at.kind,
    text,
    owner: (body['UefiSignatureOwner'] as string | undefined) ?? null,
  };
  at.keys.push(key);
  return { status: 201, body: keyBody(`${path}/${key.id}`, key), headers: { Location: `${path}/${key.id}` } };
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== undefined;
  } catch {
    return false;
  }
}

export const secureBootResources: RedfishNoun = {
  find(bmc, path) {
    if (path !== SECURE_BOOT) return findKeys(bmc, path);
    const { enabled, active } = bmc.secureBoot;
    return resource(SECURE_BOOT, 'SecureBoot.v1_1_0', 'SecureBoot', 'UEFI Secure Boot', {
      SecureBootEnable: enabled,
      SecureBootCurrentBoot: active ? 'Enabled' : 'Disabled',
      SecureBootMode: bmc.secureBoot.hasPlatformKey() ? 'UserMode' : 'SetupMode',
      SecureBootDatabases: link(DATABASES),
      Actions: { ...action(SECURE_BOOT, 'SecureBoot.ResetKeys', { 'ResetKeysType@Redfish.AllowableValues': [...KEY_RESETS] }) },
    });
  },
  post(bmc, path, body) {
    if (path !== `${SECURE_BOOT}/Actions/SecureBoot.ResetKeys`) return addKey(bmc, path, body);
    const type = KEY_RESETS.find((each) => each === body['ResetKeysType']);
    if (type === undefined) return redfishError(400, `ResetKeysType ${String(body['ResetKeysType'])} is not allowed.`);
    bmc.secureBoot.resetKeys(type);
    return NO_CONTENT;
  },
  patch(bmc, path, body) {
    if (path !== SECURE_BOOT) return undefined;
    const enable = body['SecureBootEnable'];
    if (typeof enable !== 'boolean') return redfishError(400, 'SecureBootEnable is true or false.');
    if (bmc.firmwareMode !== 'uefi') return redfishError(409, 'Secure boot needs UEFI boot mode.');
    bmc.secureBoot.enabled = enable;
    return NO_CONTENT;
  },
  remove(bmc, path) {
    const at = keyPath(bmc, path);
    if (at?.found === undefined) return undefined;
    at.keys.splice(at.keys.indexOf(at.found), 1);
    return NO_CONTENT;
  },
};
