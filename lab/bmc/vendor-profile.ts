import type { IpmiOddities } from './ipmi-oddity.ts';
import type { KeyHabits } from './state/tls-state.ts';

/*
 * How BMCs of a vendor deviate from what the emulated one does by itself, as data: each has been met on real machines. Over Redfish
 * each is acted out by `redfish/profile-handler.ts`, over IPMI (`ipmi-oddity.ts`) by the commands themselves, where a habit stands with a vendor so that each is met once. Named in `lab bmc --profile NAME`.
 */
export interface VendorProfile {
  readonly name: string;
  /** `Vendor` of the service root. */
  readonly vendor: string;
  readonly product: string;
  /** What a client meets, in words. */
  readonly shows: string;
  readonly ids: { readonly system: string; readonly manager: string; readonly chassis: string };
  /** Paths end with a slash; a change without one is redirected (308). */
  readonly slashes?: true;
  /** Virtual media belong to the system, not to the manager. */
  readonly mediaOnSystem?: true;
  /** The slots' own names. */
  readonly mediaIds?: { readonly Cd: string; readonly Usb: string };
  /** A slot that accepts everything and shows nothing to the machine. */
  readonly deadSlot?: string;
  /** `action`: the standard's; `patch`: by changing the resource; `oem`: an action of the vendor's own. */
  readonly insertBy?: 'patch' | 'oem';
  /** Properties without which an insert is refused. */
  readonly insertNeeds?: readonly string[];
  /** `Image` stays after the eject. */
  readonly staleImage?: true;
  /** `required`: 428 without If-Match; `refused`: 412 with its own ETag; `none`: there are none. */
  readonly etag?: 'required' | 'refused' | 'none';
  /** An override without BootSourceOverrideMode is refused. */
  readonly bootNeedsMode?: true;
  /** Overrides are taken at a settings resource of the system. */
  readonly bootAtSettings?: true;
  readonly cdTarget?: 'UsbCd';
  readonly resetTypes?: readonly string[];
  /** What an action allows is told by @Redfish.ActionInfo. */
  readonly actionInfo?: true;
  /** No SessionService: Basic only. */
  readonly basicOnly?: true;
  /** Volumes are made and deleted when the machine starts. */
  readonly volumesAtStart?: true;
  /** It fetches no firmware; `oem`: a pushed one needs OemParameters. */
  readonly updates?: 'push' | 'push-oem';
  /** How its EventService is; `none`: it has none. Default: a stream, and room for eight subscriptions. */
  readonly events?: {
    readonly none?: true;
    readonly noStream?: true;
    readonly subscriptionsMax?: number;
    readonly contentType?: string;
    /** Each event is delivered two times. */
    readonly twice?: true;
  };
  /** What keys its BMC makes, and how it is asked for a signing request. */
  readonly keys?: Partial<KeyHabits>;
  /** No Power resource: what is drawn, and may be, is in EnvironmentMetrics. */
  readonly powerInMetrics?: true;
  /** What is odd over IPMI. */
  readonly ipmi?: IpmiOddities;
  /** Pending BIOS settings without @Redfish.SettingsApplyTime stay pending for ever. */
  readonly biosNeedsApplyTime?: true;
}

const EMBEDDED = { system: 'System.Embedded.1', manager: 'iDRAC.Embedded.1', chassis: 'System.Embedded.1' } as const;
const ONE = { system: '1', manager: '1', chassis: '1' } as const;

export const VENDOR_PROFILES: readonly VendorProfile[] = [
  {
    name: 'dell',
    vendor: 'Dell',
    product: 'Integrated Dell Remote Access Controller',
    shows: 'long ids, BIOS settings that wait for an apply time, volumes that wait for a start, media under the system',
    ids: EMBEDDED,
    mediaOnSystem: true,
    mediaIds: { Cd: '1', Usb: '2' },
    biosNeedsApplyTime: true,
    volumesAtStart: true,
    resetTypes: ['On', 'ForceOff', 'ForceRestart', 'GracefulShutdown', 'PushPowerButton', 'Nmi', 'PowerCycle'],
    ipmi: { solOff: true, busyEvery: 7 },
  },
  {
    name: 'hpe',
    vendor: 'HPE',
    product: 'ProLiant DL360 Gen10',
    shows:
      'paths that end with a slash, redirects for those that do not, ActionInfo, no GracefulShutdown but a power button, pushes events as text/plain and has no stream, makes RSA keys only',
    ids: ONE,
    slashes: true,
    mediaIds: { Cd: '2', Usb: '1' },
    actionInfo: true,
    resetTypes: ['On', 'ForceOff', 'ForceRestart', 'Nmi', 'PushPowerButton'],
    events: { noStream: true, contentType: 'text/plain' },
    keys: { algorithms: ['TPM_ALG_RSA'], curves: [] },
    ipmi: { lanChannel: 2, identify: 'seconds', rakp: 'plain-role' },
  },
  {
    name: 'lenovo',
    vendor: 'Lenovo',
    product: 'ThinkSystem SR650',
    shows:
      'slots for uploaded files beside those for URLs, inserts by PATCH, If-Match required, delivers events twice, calls its elliptic keys ECDH and makes P-384 only',
    ids: ONE,
    mediaIds: { Cd: 'EXT1', Usb: 'EXT2' },
    deadSlot: 'RDOC1',
    insertBy: 'patch',
    etag: 'required',
    events: { twice: true },
    keys: { algorithms: ['TPM_ALG_ECDH', 'TPM_ALG_RSA'], curves: ['TPM_ECC_NIST_P384'] },
    ipmi: { sdrBytesMax: 8, clockAheadSeconds: 8 * 3600 },
  },
  {
    name: 'supermicro',
    vendor: 'Supermicro',
    product: 'X12',
    shows:
      'boots virtual CDs as UsbCd, wants the boot mode with every override and a protocol with every image, never clears Image, two subscriptions and no stream, takes firmware only as a form with OemParameters',
    ids: ONE,
    mediaIds: { Cd: 'VirtualMedia1', Usb: 'VirtualMedia2' },
    bootNeedsMode: true,
    cdTarget: 'UsbCd',
    insertNeeds: ['TransferProtocolType'],
    staleImage: true,
    events: { noStream: true, subscriptionsMax: 2 },
    updates: 'push-oem',
    ipmi: {
      manufacturerId: 10876,
      uefiDiskIsRemoteMedia: true,
      hashesOpenLevel: true,
      longCodes: true,
      wrongSums: true,
      solTells: { bytesMax: 0, port: 0 },
    },
  },
  {
    name: 'openbmc',
    vendor: 'OpenBMC',
    product: 'OpenBMC',
    shows:
      'named ids, streams only when told so, wants the boot mode, has no ETags, fetches no firmware, tells power in EnvironmentMetrics',
    ids: { system: 'system', manager: 'bmc', chassis: 'chassis' },
    mediaIds: { Cd: 'Slot_0', Usb: 'Slot_1' },
    insertNeeds: ['TransferMethod'],
    bootNeedsMode: true,
    powerInMetrics: true,
    etag: 'none',
    resetTypes: ['On', 'ForceOff', 'ForceOn', 'ForceRestart', 'GracefulRestart', 'GracefulShutdown', 'PowerCycle', 'Nmi'],
    updates: 'push',
    ipmi: { bootParametersLacking: [0, 3, 4] },
  },
  {
    name: 'fujitsu',
    vendor: 'Fujitsu',
    product: 'iRMC Redfish Service',
    shows:
      'number ids, 428 to a change without If-Match, media under the manager, no event stream, asks for certificates only in place of the one that is there',
    ids: { system: '0', manager: 'iRMC', chassis: '0' },
    mediaIds: { Cd: '0', Usb: '1' },
    etag: 'required',
    events: { noStream: true },
    keys: { ways: ['rekey', 'renew'] },
    ipmi: { sdrReservationLostEvery: 7, clockAheadSeconds: -5 * 3600 },
  },
  {
    name: 'ami',
    vendor: 'American Megatrends International',
    product: 'AMI Redfish Server',
    shows: 'takes boot overrides at a settings resource of the system, with If-Match',
    ids: { system: 'Self', manager: 'Self', chassis: 'Self' },
    mediaIds: { Cd: 'CD1', Usb: 'HD1' },
    bootAtSettings: true,
    bootNeedsMode: true,
    etag: 'required',
    ipmi: { firstSequence: 0, sdrBytesMax: 8, busyEvery: 5, shortPasswords: true },
  },
  {
    name: 'huawei',
    vendor: 'Huawei',
    product: 'iBMC',
    shows: 'inserts by an action under Oem, If-Match required',
    ids: { system: '1', manager: '1', chassis: '1' },
    mediaIds: { Cd: 'CD', Usb: 'USBStick' },
    insertBy: 'oem',
    etag: 'required',
    ipmi: { persistentBootLost: true, powerOffDelayMs: 300 },
  },
  {
    name: 'cisco',
    vendor: 'Cisco Systems Inc.',
    product: 'UCSC-C220-M5',
    shows: 'serial numbers as ids, refuses its own ETags, no cold restart but PowerCycle, pushes events twice, keeps the key that it has',
    ids: { system: 'WZP2401', manager: 'CIMC', chassis: '1' },
    mediaIds: { Cd: '0', Usb: '1' },
    etag: 'refused',
    resetTypes: ['On', 'ForceOff', 'GracefulShutdown', 'PowerCycle', 'Nmi'],
    events: { noStream: true, subscriptionsMax: 4, twice: true },
    keys: { ways: ['renew'] },
    ipmi: { controlsLacking: [2, 3], powerOffDelayMs: 300 },
  },
  {
    name: 'basic',
    vendor: 'Contoso',
    product: 'Old BMC',
    shows: 'has no sessions: the password with every request, no events, no signing requests',
    ids: ONE,
    basicOnly: true,
    etag: 'none',
    events: { none: true },
    keys: { ways: [] },
    ipmi: { identify: 'none', noThisChannel: true, hidesIpmi20: true, rakp: 'swapped-ids' },
  },
  {
    name: 'intel',
    vendor: 'Intel Corporation',
    product: 'SE7520AF2',
    shows: 'proves passwords with the user name as it stores it, on a LAN channel that is the third',
    ids: ONE,
    ipmi: { manufacturerId: 343, rakp: 'padded-name', lanChannel: 3 },
  },
  {
    name: 'sun',
    vendor: 'Oracle Corporation',
    product: 'Sun Fire X4100 ILOM',
    shows: 'proves passwords with the level of Open Session, and begins to count anywhere',
    ids: ONE,
    ipmi: { manufacturerId: 42, hashesOpenLevel: true, firstSequence: 0x5000 },
  },
];

export const findProfile = (name: string): VendorProfile | undefined => VENDOR_PROFILES.find((profile) => profile.name === name);
