/*
 * The hardware types of nodes (the API's "drivers") as a table: which implementation each kind of interface may have, the
 * first being the default, and which keys of `driver_info` a driver reads. A name is here only when it does its work.
 */
export const INTERFACE_KINDS = [
  'bios',
  'boot',
  'console',
  'deploy',
  'firmware',
  'inspect',
  'management',
  'network',
  'power',
  'raid',
  'rescue',
  'storage',
  'vendor',
] as const;
export type InterfaceKind = (typeof INTERFACE_KINDS)[number];
export type Interfaces = Readonly<Record<InterfaceKind, string>>;

export interface Driver {
  readonly name: string;
  readonly interfaces: Readonly<Record<InterfaceKind, readonly [string, ...string[]]>>;
  /** Key of `driver_info` → what it is, in a sentence. */
  readonly properties: Readonly<Record<string, string>>;
}

export const FAKE_DRIVER = 'fake-hardware';

const ramdisk = {
  // Both are the boot plane: it starts every firmware's network boot by iPXE.
  boot: ['ipxe', 'pxe'],
  deploy: ['direct', 'ramdisk'],
  inspect: ['agent', 'no-inspect'],
  network: ['flat', 'neutron', 'noop'],
  raid: ['no-raid', 'agent'],
  rescue: ['agent', 'no-rescue'],
  storage: ['noop', 'external'],
  vendor: ['no-vendor'],
  bios: ['no-bios'],
  // The console goes to whoever opens it, and into a file while nobody does.
  console: ['recorder', 'no-console'],
  firmware: ['no-firmware'],
} as const;

const ipmiProperties = {
  ipmi_address: 'IP address or host name of the BMC. Required.',
  ipmi_port: 'UDP port of the BMC. Default: 623.',
  ipmi_username: 'Name of a user with administrator privilege. Required.',
  ipmi_password: 'Password of that user. Required.',
  ipmi_cipher_suite: 'Cipher suite, 3 or 17. Default: 17, then 3.',
};
const redfishProperties = {
  redfish_address: 'URL of the BMC; https when no scheme is given. Required.',
  redfish_system_id: 'Path of the ComputerSystem, when the BMC has several.',
  redfish_username: 'Name of a user with administrator rights. Required.',
  redfish_password: 'Password of that user. Required.',
  redfish_verify_ca: 'PEM of the certificate to trust, or false to accept the one that the BMC made itself. Default: false.',
};
const networkOf = (what: string) => `Network of the Network API, by UUID or name, in which ${what}, with network_interface neutron.`;
const networkProperties = {
  provisioning_network: networkOf('the machine is deployed'),
  cleaning_network: networkOf('the machine is cleaned'),
  rescuing_network: networkOf('the machine is rescued'),
  inspection_network: networkOf('the machine is inspected'),
  servicing_network: networkOf('the machine is serviced'),
};
const delay = (what: string) => `Seconds that ${what}: a number, or FIRST,LAST for a random time between. Default: 0.`;

const drivers: readonly Driver[] = [
  {
    name: FAKE_DRIVER,
    interfaces: {
      bios: ['fake', 'no-bios'],
      boot: ['fake'],
      console: ['fake', 'no-console'],
      deploy: ['fake'],
      firmware: ['fake', 'no-firmware'],
      inspect: ['fake', 'no-inspect'],
      management: ['fake', 'noop'],
      network: ['flat', 'neutron', 'noop'],
      power: ['fake'],
      raid: ['fake', 'no-raid'],
      rescue: ['fake', 'no-rescue'],
      storage: ['noop', 'fake'],
      vendor: ['fake', 'no-vendor'],
    },
    properties: {
      fake_power_delay: delay('a change or look at the power takes'),
      fake_boot_delay: delay('the boot of the ramdisk takes'),
      fake_deploy_delay: delay('each step of a ramdisk takes'),
      ...networkProperties,
    },
  },
  {
    name: 'ipmi',
    interfaces: { ...ramdisk, management: ['ipmitool'], power: ['ipmitool'] },
    properties: { ...ipmiProperties, ...networkProperties },
  },
  {
    name: 'redfish',
    interfaces: {
      ...ramdisk,
      boot: [...ramdisk.boot, 'redfish-virtual-media'],
      bios: ['redfish', 'no-bios'],
      firmware: ['redfish', 'no-firmware'],
      inspect: ['agent', 'redfish', 'no-inspect'],
      management: ['redfish'],
      power: ['redfish'],
      raid: ['redfish', 'agent', 'no-raid'],
    },
    properties: { ...redfishProperties, ...ipmiProperties, ...networkProperties },
  },
];

export const DRIVERS: ReadonlyMap<string, Driver> = new Map(drivers.map((driver) => [driver.name, driver]));

/** Of a node whose driver is known; what the node does not name itself is the driver's default. */
export function interfaceOf(node: { driver: string; interfaces: object }, kind: InterfaceKind): string {
  return (node.interfaces as Partial<Interfaces>)[kind] ?? DRIVERS.get(node.driver)?.interfaces[kind][0] ?? '';
}

export const interfacesOf = (node: { driver: string; interfaces: object }): Interfaces =>
  Object.fromEntries(INTERFACE_KINDS.map((kind) => [kind, interfaceOf(node, kind)])) as unknown as Interfaces;

/** Ironic's words for what a driver's interface does not do: its clients and tests look for them. */
export const unsupported = (driver: string, what: string): string =>
  `Driver ${driver} does not support ${what} (disabled or not implemented).`;
