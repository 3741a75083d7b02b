import type { JsonObject } from '../../../core/base/json.ts';
import type { IpmiBootDevice } from '../../../bmc/ipmi/boot-options-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcAccount, BmcModel } from '../bmc-model.ts';
import { NETWORK_PROTOCOL } from './certificate-resources.ts';
import { MEDIA_PATH } from './media-resources.ts';
import { ENVIRONMENT_PATH, POWER_PATH, THERMAL_PATH } from './sensor-resources.ts';
import { REDFISH_NOUNS } from './noun-table.ts';
import { CHASSIS_PATH, collection, link, MANAGER_PATH, ROOT, STATUS, SYSTEM_PATH } from './redfish-shapes.ts';
import type { RedfishSession } from './redfish-sessions.ts';

/** The resource tree as a pure function of the BMC's state: path to body, undefined where there is nothing. */
export const RESET_TYPES = {
  On: 'on',
  ForceOff: 'off',
  GracefulShutdown: 'soft-off',
  ForceRestart: 'reset',
  PowerCycle: 'cycle',
  ForceOn: 'on',
  Nmi: 'nmi',
  // The button's other meaning, for a machine that is off, is in the handler.
  PushPowerButton: 'soft-off',
} as const;

const TARGETS: readonly (readonly [string, IpmiBootDevice])[] = [
  ['None', 'none'],
  ['Pxe', 'network'],
  ['Hdd', 'disk'],
  ['Cd', 'cdrom'],
  ['BiosSetup', 'firmware-setup'],
];
export const bootDeviceOf = (target: unknown): IpmiBootDevice | undefined => TARGETS.find(([name]) => name === target)?.[1];
const targetOf = (device: IpmiBootDevice): string => TARGETS.find(([, name]) => name === device)?.[0] ?? 'None';

const ROLES = { Administrator: PRIVILEGE.administrator, Operator: PRIVILEGE.operator, ReadOnly: PRIVILEGE.user } as const;
export const privilegeOfRole = (role: unknown): number | undefined => ROLES[role as keyof typeof ROLES];
const roleOf = (account: BmcAccount): string => Object.entries(ROLES).find(([, level]) => level === account.privilege)?.[0] ?? 'NoAccess';

const serviceRoot = (bmc: BmcModel): JsonObject => ({
  '@odata.id': `${ROOT}/`,
  '@odata.type': '#ServiceRoot.v1_5_0.ServiceRoot',
  Id: 'RootService',
  Name: 'Root Service',
  RedfishVersion: '1.8.0',
  UUID: bmc.identity.uuid,
  Vendor: bmc.identity.manufacturer,
  Product: 'Emulated BMC',
  Systems: link(`${ROOT}/Systems`),
  Managers: link(`${ROOT}/Managers`),
  Chassis: link(`${ROOT}/Chassis`),
  SessionService: link(`${ROOT}/SessionService`),
  AccountService: link(`${ROOT}/AccountService`),
  UpdateService: link(`${ROOT}/UpdateService`),
  Tasks: link(`${ROOT}/TaskService`),
  CertificateService: link(`${ROOT}/CertificateService`),
  EventService: link(`${ROOT}/EventService`),
  Registries: link(`${ROOT}/Registries`),
  Links: { Sessions: link(`${ROOT}/SessionService/Sessions`) },
});

const MODE_WORDS = { uefi: 'UEFI', bios: 'Legacy' } as const;
/** A board that is built for one mode knows no other. */
export const modesOf = ({ machine }: BmcModel): string[] =>
  machine.firmwareMode ? [MODE_WORDS[machine.firmwareMode]] : ['UEFI', 'Legacy'];

function bootProperties(bmc: BmcModel): JsonObject {
  const flags = bmc.boot.flags();
  return {
    BootSourceOverrideEnabled: !flags.valid ? 'Disabled' : flags.persistent ? 'Continuous' : 'Once',
    BootSourceOverrideTarget: flags.valid ? targetOf(flags.device) : 'None',
    'BootSourceOverrideTarget@Redfish.AllowableValues': TARGETS.map(([name]) => name),
    BootSourceOverrideMode: MODE_WORDS[bmc.firmwareMode],
    'BootSourceOverrideMode@Redfish.AllowableValues': modesOf(bmc),
  };
}

const hardwareSummaries = ({ threads, memoryGib }: BmcModel['identity']): JsonObject => ({
  ...(threads === undefined
    ? {}
    : {
        ProcessorSummary: { Count: 1, CoreCount: threads, LogicalProcessorCount: threads, Status: STATUS },
        Processors: link(`${SYSTEM_PATH}/Processors`),
      }),
  ...(memoryGib === undefined ? {} : { MemorySummary: { TotalSystemMemoryGiB: memoryGib, Status: STATUS } }),
});

const processor = (bmc: BmcModel): JsonObject => ({
  '@odata.id': `${SYSTEM_PATH}/Processors/1`,
  '@odata.type': '#Processor.v1_7_0.Processor',
  Id: '1',
  Name: 'Processor 1',
  ProcessorType: 'CPU',
  InstructionSet: 'x86-64',
  TotalCores: bmc.identity.threads ?? 0,
  TotalThreads: bmc.identity.threads ?? 0,
  Status: STATUS,
});

const system = (bmc: BmcModel, ipmiPort: number | undefined): JsonObject => ({
  '@odata.id': SYSTEM_PATH,
  '@odata.type': '#ComputerSystem.v1_13_0.ComputerSystem',
  Id: '1',
  Name: bmc.name,
  SystemType: 'Physical',
  UUID: bmc.identity.uuid,
  Manufacturer: bmc.identity.manufacturer,
  Model: bmc.identity.product,
  SerialNumber: bmc.identity.serial,
  AssetTag: bmc.identity.assetTag ?? null,
  PowerState: bmc.machine.powerState() === 'on' ? 'On' : 'Off',
  IndicatorLED: bmc.clock.nowMs() < bmc.identifyUntilMs ? 'Blinking' : 'Off',
  Status: STATUS,
  Boot: bootProperties(bmc),
  ...(ipmiPort === undefined ? {} : { SerialConsole: { MaxConcurrentSessions: 1, IPMI: { ServiceEnabled: true, Port: ipmiPort } } }),
  GraphicalConsole: { ServiceEnabled: true, MaxConcurrentSessions: 4, ConnectTypesSupported: ['KVMIP'] },
  ...hardwareSummaries(bmc.identity),
  EthernetInterfaces: link(`${SYSTEM_PATH}/EthernetInterfaces`),
  Storage: link(`${SYSTEM_PATH}/Storage`),
  Bios: link(`${SYSTEM_PATH}/Bios`),
  BiosVersion: bmc.firmware.version('BIOS'),
  SecureBoot: link(`${SYSTEM_PATH}/SecureBoot`),
  LogServices: link(`${SYSTEM_PATH}/LogServices`),
  Links: { Chassis: [link(CHASSIS_PATH)], ManagedBy: [link(MANAGER_PATH)] },
  Actions: {
    '#ComputerSystem.Reset': {
      target: `${SYSTEM_PATH}/Actions/ComputerSystem.Reset`,
      'ResetType@Redfish.AllowableValues': Object.keys(RESET_TYPES),
    },
  },
});

const systemNic = (mac: string, index: number): JsonObject => ({
  '@odata.id': `${SYSTEM_PATH}/EthernetInterfaces/${index + 1}`,
  '@odata.type': '#EthernetInterface.v1_6_0.EthernetInterface',
  Id: String(index + 1),
  Name: `NIC ${index + 1}`,
  MACAddress: mac.toUpperCase(),
  PermanentMACAddress: mac.toUpperCase(),
  Status: STATUS,
});

const manager = (bmc: BmcModel): JsonObject => ({
  '@odata.id': MANAGER_PATH,
  '@odata.type': '#Manager.v1_9_0.Manager',
  Id: '1',
  Name: 'Manager',
  ManagerType: 'BMC',
  UUID: bmc.identity.uuid,
  FirmwareVersion: bmc.firmware.version('BMC'),
  Model: 'Emulated BMC',
  PowerState: 'On',
  Status: STATUS,
  EthernetInterfaces: link(`${MANAGER_PATH}/EthernetInterfaces`),
  VirtualMedia: link(MEDIA_PATH),
  NetworkProtocol: link(NETWORK_PROTOCOL),
  Links: { ManagerForServers: [link(SYSTEM_PATH)], ManagerForChassis: [link(CHASSIS_PATH)] },
  Actions: {
    '#Manager.Reset': {
      target: `${MANAGER_PATH}/Actions/Manager.Reset`,
      'ResetType@Redfish.AllowableValues': ['ForceRestart', 'GracefulRestart'],
    },
  },
});

const managerNic = (bmc: BmcModel): JsonObject => {
  const { ipAddress, netmask, gateway, mac, source } = bmc.lan;
  const address = {
    Address: ipAddress,
    SubnetMask: netmask,
    Gateway: gateway,
    AddressOrigin: source === 'dhcp' ? 'DHCP' : 'Static',
  };
  return {
    '@odata.id': `${MANAGER_PATH}/EthernetInterfaces/1`,
    '@odata.type': '#EthernetInterface.v1_6_0.EthernetInterface',
    Id: '1',
    Name: 'Manager NIC',
    MACAddress: mac.toUpperCase(),
    Status: STATUS,
    DHCPv4: { DHCPEnabled: source === 'dhcp' },
    IPv4Addresses: [address],
  };
};

const chassis = (bmc: BmcModel): JsonObject => ({
  '@odata.id': CHASSIS_PATH,
  '@odata.type': '#Chassis.v1_12_0.Chassis',
  Id: '1',
  Name: 'Chassis',
  ChassisType: 'RackMount',
  Manufacturer: bmc.identity.manufacturer,
  Model: bmc.identity.product,
  SerialNumber: bmc.identity.serial,
  PowerState: bmc.machine.powerState() === 'on' ? 'On' : 'Off',
  Status: STATUS,
  Sensors: link(`${CHASSIS_PATH}/Sensors`),
  Thermal: link(THERMAL_PATH),
  Power: link(POWER_PATH),
  EnvironmentMetrics: link(ENVIRONMENT_PATH),
  Links: { ComputerSystems: [link(SYSTEM_PATH)], ManagedBy: [link(MANAGER_PATH)] },
});

const ACCOUNTS = `${ROOT}/AccountService/Accounts`;
export const usedAccounts = (bmc: BmcModel): number[] => bmc.accounts.flatMap((account, id) => (account.name === '' ? [] : [id]));

export const accountBody = (bmc: BmcModel, id: number): JsonObject | undefined => {
  const account = bmc.accounts[id];
  if (!account || account.name === '') return undefined;
  return {
    '@odata.id': `${ACCOUNTS}/${id}`,
    '@odata.type': '#ManagerAccount.v1_6_0.ManagerAccount',
    Id: String(id),
    Name: 'User Account',
    UserName: account.name,
    Password: null,
    Enabled: account.enabled,
    Locked: false,
    RoleId: roleOf(account),
    AccountTypes: ['Redfish', 'IPMI'],
  };
};

export const sessionBody = (session: RedfishSession): JsonObject => ({
  '@odata.id': `${ROOT}/SessionService/Sessions/${session.id}`,
  '@odata.type': '#Session.v1_2_1.Session',
  Id: session.id,
  Name: 'User Session',
  UserName: session.username,
});

const roleBody = (role: string): JsonObject => ({
  '@odata.id': `${ROOT}/AccountService/Roles/${role}`,
  '@odata.type': '#Role.v1_2_4.Role',
  Id: role,
  Name: role,
  IsPredefined: true,
  AssignedPrivileges: [
    'Login',
    'ConfigureSelf',
    ...(role === 'ReadOnly' ? [] : ['ConfigureComponents']),
    ...(role === 'Administrator' ? ['ConfigureManager', 'ConfigureUsers'] : []),
  ],
});

/** Every readable resource by its path, for a given state. Sessions are the caller's to add. */
export function findResource(
  bmc: BmcModel,
  path: string,
  ipmiPort: number | undefined,
  sessions: readonly RedfishSession[],
): JsonObject | undefined {
  const macs = bmc.identity.macs ?? [];
  const nicPath = `${SYSTEM_PATH}/EthernetInterfaces`;
  const fixed: Readonly<Record<string, () => JsonObject>> = {
    '/redfish': () => ({ v1: `${ROOT}/` }),
    [ROOT]: () => serviceRoot(bmc),
    [`${ROOT}/Systems`]: () => collection(`${ROOT}/Systems`, 'ComputerSystemCollection', 'Systems', [SYSTEM_PATH]),
    [SYSTEM_PATH]: () => system(bmc, ipmiPort),
    [nicPath]: () =>
      collection(
        nicPath,
        'EthernetInterfaceCollection',
        'NICs',
        macs.map((_mac, index) => `${nicPath}/${index + 1}`),
      ),
    [`${ROOT}/Managers`]: () => collection(`${ROOT}/Managers`, 'ManagerCollection', 'Managers', [MANAGER_PATH]),
    [MANAGER_PATH]: () => manager(bmc),
    ...(bmc.identity.threads === undefined
      ? {}
      : {
          [`${SYSTEM_PATH}/Processors`]: () =>
            collection(`${SYSTEM_PATH}/Processors`, 'ProcessorCollection', 'Processors', [`${SYSTEM_PATH}/Processors/1`]),
          [`${SYSTEM_PATH}/Processors/1`]: () => processor(bmc),
        }),
    [`${MANAGER_PATH}/EthernetInterfaces`]: () =>
      collection(`${MANAGER_PATH}/EthernetInterfaces`, 'EthernetInterfaceCollection', 'Manager NICs', [
        `${MANAGER_PATH}/EthernetInterfaces/1`,
      ]),
    [`${MANAGER_PATH}/EthernetInterfaces/1`]: () => managerNic(bmc),
    [`${ROOT}/Chassis`]: () => collection(`${ROOT}/Chassis`, 'ChassisCollection', 'Chassis', [CHASSIS_PATH]),
    [CHASSIS_PATH]: () => chassis(bmc),
    [`${ROOT}/SessionService`]: () => ({
      '@odata.id': `${ROOT}/SessionService`,
      '@odata.type': '#SessionService.v1_1_6.SessionService',
      Id: 'SessionService',
      Name: 'Session Service',
      ServiceEnabled: true,
      SessionTimeout: 1800,
      Sessions: link(`${ROOT}/SessionService/Sessions`),
    }),
    [`${ROOT}/SessionService/Sessions`]: () =>
      collection(
        `${ROOT}/SessionService/Sessions`,
        'SessionCollection',
        'Sessions',
        sessions.map((each) => `${ROOT}/SessionService/Sessions/${each.id}`),
      ),
    [`${ROOT}/AccountService`]: () => ({
      '@odata.id': `${ROOT}/AccountService`,
      '@odata.type': '#AccountService.v1_7_0.AccountService',
      Id: 'AccountService',
      Name: 'Account Service',
      ServiceEnabled: true,
      MaxPasswordLength: 20,
      Accounts: link(ACCOUNTS),
      Roles: link(`${ROOT}/AccountService/Roles`),
    }),
    [ACCOUNTS]: () =>
      collection(
        ACCOUNTS,
        'ManagerAccountCollection',
        'Accounts',
        usedAccounts(bmc).map((id) => `${ACCOUNTS}/${id}`),
      ),
    [`${ROOT}/AccountService/Roles`]: () =>
      collection(
        `${ROOT}/AccountService/Roles`,
        'RoleCollection',
        'Roles',
        Object.keys(ROLES).map((role) => `${ROOT}/AccountService/Roles/${role}`),
      ),
  };
  const found = fixed[path];
  if (found) return found();
  for (const noun of REDFISH_NOUNS) {
    const body = noun.find(bmc, path);
    if (body) return body;
  }
  const [, parent, id] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
  if (parent === nicPath) return macs[Number(id) - 1] === undefined ? undefined : systemNic(macs[Number(id) - 1]!, Number(id) - 1);
  if (parent === ACCOUNTS) return accountBody(bmc, Number(id));
  if (parent === `${ROOT}/AccountService/Roles` && id !== undefined && id in ROLES) return roleBody(id);
  const session = parent === `${ROOT}/SessionService/Sessions` ? sessions.find((each) => each.id === id) : undefined;
  return session && sessionBody(session);
}
