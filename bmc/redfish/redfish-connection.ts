import { parseMacAddress } from '../../core/base/mac-address.ts';
import type { Json, JsonObject } from '../../core/base/json.ts';
import type { Secret } from '../../core/base/secret.ts';
import {
  BmcError,
  type BmcAddress,
  type BmcConnection,
  type BmcIdentity,
  type BmcLan,
  type BmcUser,
  type BootSetting,
  type PowerAction,
  type PowerState,
} from '../capability.ts';
import { decodeBoot, encodeBoot, resetTypeFor } from './redfish-boot-codec.ts';
import type { RedfishHttp } from './redfish-http.ts';
import { openSshConsole } from './ssh-console.ts';

/** The capabilities of a BMC over Redfish. Paths are followed from the service root, never guessed. */
const ROOT = '/redfish/v1/';

const objectAt = (body: JsonObject, key: string): JsonObject => {
  const value = body[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
};
const textAt = (body: JsonObject, key: string): string | undefined => {
  const value = body[key];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
};
const pathAt = (body: JsonObject, key: string): string | undefined => textAt(objectAt(body, key), '@odata.id');
const memberPaths = (list: Json | undefined): string[] =>
  Array.isArray(list) ? list.flatMap((each) => textAt(each as JsonObject, '@odata.id') ?? []) : [];
const firstObject = (list: Json | undefined): JsonObject =>
  Array.isArray(list) && typeof list[0] === 'object' ? (list[0] as JsonObject) : {};

export function createRedfishConnection(address: BmcAddress, http: RedfishHttp, release: () => Promise<void>): BmcConnection {
  const { host } = address;
  let systemPath = address.systemPath;

  const missing = (what: string) => new BmcError('unsupported', `${host}: this BMC has no ${what}`, 'Try IPMI, or newer BMC firmware.');
  const follow = async (from: JsonObject, key: string, signal: AbortSignal): Promise<JsonObject> => {
    const path = pathAt(from, key);
    if (!path) throw missing(key);
    return http.get(path, signal);
  };

  const findSystem = async (signal: AbortSignal): Promise<string> => {
    if (systemPath) return systemPath;
    const paths = memberPaths((await follow(await http.get(ROOT, signal), 'Systems', signal))['Members']);
    if (paths.length > 1)
      throw new BmcError(
        'refused',
        `${host}: the BMC has ${paths.length} systems: ${paths.join(', ')}`,
        'Name one of them as `systemPath`.',
      );
    if (!paths[0]) throw missing('ComputerSystem');
    return (systemPath = paths[0]);
  };
  const readSystem = async (signal: AbortSignal) => http.get(await findSystem(signal), signal);
  const readManager = async (signal: AbortSignal): Promise<JsonObject> => {
    const [path] = memberPaths(objectAt(await readSystem(signal), 'Links')['ManagedBy']);
    if (path) return http.get(path, signal);
    const [first] = memberPaths((await follow(await http.get(ROOT, signal), 'Managers', signal))['Members']);
    if (!first) throw missing('Manager');
    return http.get(first, signal);
  };
  const readMembers = async (from: JsonObject, key: string, signal: AbortSignal): Promise<JsonObject[]> => {
    const paths = memberPaths((await follow(from, key, signal))['Members']);
    return Promise.all(paths.map((path) => http.get(path, signal)));
  };

  const powerOf = (system: JsonObject): PowerState => {
    const state = textAt(system, 'PowerState');
    // "PoweringOn" is not off any more, "PoweringOff" not off yet.
    if (state === 'Off') return 'off';
    if (state === undefined) throw new BmcError('protocol', `${host}: the BMC does not tell the power state`, 'Try IPMI.');
    return 'on';
  };

  const setPower = async (action: PowerAction, signal: AbortSignal) => {
    const system = await readSystem(signal);
    const state = powerOf(system);
    if (state === 'off' && (action === 'off' || action === 'soft-off')) return;
    if (state === 'on' && action === 'on') return;
    const wanted: PowerAction = state === 'off' ? 'on' : action;
    const reset = objectAt(objectAt(system, 'Actions'), '#ComputerSystem.Reset');
    const target = textAt(reset, 'target');
    if (!target) throw missing('reset action');
    const info = textAt(reset, '@Redfish.ActionInfo');
    const values = reset['ResetType@Redfish.AllowableValues'] ?? (info ? allowableResetTypes(await http.get(info, signal)) : undefined);
    const type = resetTypeFor(wanted, values);
    if (!type) throw missing(`reset type for "${wanted}"`);
    await http.post(target, { ResetType: type }, signal);
  };

  const setBoot = async (setting: BootSetting, signal: AbortSignal) => {
    const boot = encodeBoot(setting, objectAt(await readSystem(signal), 'Boot'));
    if (!boot) throw missing(`boot target for "${setting.device}"`);
    await http.patch(await findSystem(signal), { Boot: boot }, signal);
  };

  const identity = async (signal: AbortSignal): Promise<BmcIdentity> => {
    const system = await readSystem(signal);
    const firmware = textAt(await readManager(signal).catch(ignoreUnsupported), 'FirmwareVersion');
    const nics = pathAt(system, 'EthernetInterfaces') ? await readMembers(system, 'EthernetInterfaces', signal) : [];
    const nicMacs = nics.flatMap((nic) => parseMacAddress(textAt(nic, 'PermanentMACAddress') ?? textAt(nic, 'MACAddress') ?? '') ?? []);
    const optional = (key: keyof BmcIdentity, value: string | undefined) => (value ? { [key]: value } : {});
    return {
      ...optional('systemUuid', textAt(system, 'UUID')?.toLowerCase()),
      ...optional('manufacturer', textAt(system, 'Manufacturer')),
      ...optional('product', textAt(system, 'Model')),
      ...optional('serial', textAt(system, 'SerialNumber')),
      ...optional('assetTag', textAt(system, 'AssetTag')),
      ...optional('bmcFirmware', firmware),
      nicMacs,
    };
  };

  const readAccounts = async (signal: AbortSignal) => {
    const service = await follow(await http.get(ROOT, signal), 'AccountService', signal);
    return { accounts: await readMembers(service, 'Accounts', signal), path: pathAt(service, 'Accounts')! };
  };

  const putUser = async (name: string, password: Secret, signal: AbortSignal): Promise<BmcUser> => {
    const { accounts, path } = await readAccounts(signal);
    const wanted = { UserName: name, Password: password.reveal(), RoleId: 'Administrator', Enabled: true };
    const known = accounts.find((account) => account['UserName'] === name);
    // BMCs with fixed slots (iDRAC) refuse POST; an account without a name is one of theirs.
    const slot = known ?? accounts.find((account) => account['UserName'] === '' && Number(account['Id']) > 2);
    const { UserName: _name, ...changes } = wanted;
    if (slot) await http.patch(textAt(slot, '@odata.id')!, known ? changes : wanted, signal);
    else await http.post(path, wanted, signal);
    const user = (await readAccounts(signal)).accounts.find((account) => account['UserName'] === name);
    if (!user)
      throw new BmcError('protocol', `${host}: the BMC accepted user ${name} but does not list it`, 'Look at the accounts on the BMC.');
    return userOf(user);
  };

  const lan = async (signal: AbortSignal): Promise<BmcLan> => {
    const nics = await readMembers(await readManager(signal), 'EthernetInterfaces', signal);
    const used =
      nics.find((nic) => textAt(firstObject(nic['IPv4Addresses']), 'Address') === host) ??
      nics.find((nic) => textAt(firstObject(nic['IPv4Addresses']), 'Address'));
    if (!used) throw missing('manager network interface with an IPv4 address');
    const ip = firstObject(used['IPv4Addresses']);
    const origin = textAt(ip, 'AddressOrigin');
    return {
      ipAddress: textAt(ip, 'Address') ?? '0.0.0.0',
      netmask: textAt(ip, 'SubnetMask') ?? '0.0.0.0',
      gateway: textAt(ip, 'Gateway') ?? '0.0.0.0',
      mac: parseMacAddress(textAt(used, 'MACAddress') ?? '') ?? '',
      source: origin === 'DHCP' ? 'dhcp' : origin === 'Static' ? 'static' : 'other',
    };
  };

  const openConsole = async (signal: AbortSignal) => {
    const system = await readSystem(signal);
    const ssh = objectAt(objectAt(system, 'SerialConsole'), 'SSH');
    if (ssh['ServiceEnabled'] !== true) {
      throw new BmcError(
        'unsupported',
        `${host}: Redfish offers no SSH console here`,
        'Give the BMC an IPMI address as well: its console then comes by Serial over LAN.',
      );
    }
    return openSshConsole(
      {
        host,
        port: Number(ssh['Port'] ?? 22),
        username: address.username,
        password: address.password,
        entry: textAt(ssh, 'ConsoleEntryCommand'),
      },
      signal,
    );
  };

  return {
    protocol: 'redfish',
    powerState: async (signal) => powerOf(await readSystem(signal)),
    setPower,
    bootSetting: async (signal) => decodeBoot(objectAt(await readSystem(signal), 'Boot')),
    setBoot,
    identity,
    users: async (signal) => (await readAccounts(signal)).accounts.filter((account) => textAt(account, 'UserName')).map(userOf),
    putUser,
    lan,
    openConsole,
    close: release,
  };
}

const ignoreUnsupported = (error: unknown): JsonObject => {
  if (error instanceof BmcError && error.code === 'unsupported') return {};
  throw error;
};

function allowableResetTypes(info: JsonObject): Json | undefined {
  const parameters = info['Parameters'];
  const entry = Array.isArray(parameters) ? parameters.find((each) => (each as JsonObject)['Name'] === 'ResetType') : undefined;
  return (entry as JsonObject | undefined)?.['AllowableValues'];
}

const PRIVILEGES: Readonly<Record<string, BmcUser['privilege']>> = {
  Administrator: 'administrator',
  Operator: 'operator',
  ReadOnly: 'user',
};

const userOf = (account: JsonObject): BmcUser => ({
  id: Number.isInteger(Number(account['Id'])) ? Number(account['Id']) : 0,
  name: String(account['UserName']),
  enabled: account['Enabled'] !== false,
  privilege: PRIVILEGES[String(account['RoleId'])] ?? 'none',
});
