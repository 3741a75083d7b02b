import { seededRandom, type Random } from '../core/base/random.ts';

/**
 * What a virtual rack is made of, as a value: one leaf switch, one provisioning network and machines that differ the way
 * real ones do. The same arguments give the same rack, serials, addresses and passwords included.
 */
export interface RackSpec {
  readonly seed: number;
  readonly network: ProvisioningNetwork;
  readonly leaf: LeafSpec;
  readonly machines: readonly MachineSpec[];
  /** Machines that may be in the expensive part of a boot at the same time; the others wait with their power on. */
  readonly bootsAtOnce: number;
}

export interface LeafSpec {
  readonly name: string;
  readonly chassisMac: string;
  /** Nothing is plugged in; faults and tests speak there. */
  readonly sparePort: number;
  /** Its eAPI, on the same side as the BMCs. */
  readonly management: { readonly address: string; readonly port: number; readonly username: string; readonly password: string };
}

/** What UEFI firmware boots over; BIOS knows PXE over IPv4 only. */
export type NetworkBoot = 'pxe' | 'http' | 'pxe-ipv6';

/**
 * How the agent gets onto the machines: over the network in one of several ways, all the way to the agent, or from a CD that the BMC shows (`no-dhcp`: with
 * static addresses, as no server gives any); `arm64`: over the
 * network, on machines with that processor.
 */
export const BOOT_WAYS = ['network', 'http', 'secure-boot', 'ipv6', 'virtual-media', 'no-dhcp', 'arm64'] as const;
export type BootWay = (typeof BOOT_WAYS)[number];
export const bootsByMedia = (way: BootWay): boolean => way === 'virtual-media' || way === 'no-dhcp';

export interface ProvisioningNetwork {
  /** Nothing on it gets an address by IPv4 then. */
  readonly ipv6?: { readonly cidr: string; readonly address: string };
  readonly cidr: string;
  /** The rack side's interface in the rack's namespace, and its address. */
  readonly interface: string;
  readonly address: string;
}

export interface MachineSpec {
  readonly name: string;
  /** `aarch64` has UEFI only, and no chip of the ISA bus. */
  readonly architecture: 'x86_64' | 'aarch64';
  readonly firmware: 'bios' | 'uefi';
  readonly cpus: number;
  readonly memoryMib: number;
  readonly nics: readonly NicSpec[];
  readonly disks: readonly DiskSpec[];
  readonly identity: MachineIdentity;
  readonly tpm: boolean;
  readonly networkBoot: NetworkBoot;
  /** Microsoft's keys are enrolled, and only what they sign runs. UEFI only. */
  readonly hasSecureBoot: boolean;
  /** What the firmware tries first when the BMC says nothing. */
  readonly bootOrder: 'disk-first' | 'network-first';
  readonly bmc: BmcSpec;
}

export interface NicSpec {
  readonly mac: string;
  readonly model: 'virtio-net-pci' | 'e1000e';
  /** 1 is `Ethernet1/1`. No two NICs of a rack share one. */
  readonly switchPort: number;
}

export interface DiskSpec {
  readonly bus: 'virtio' | 'nvme' | 'ahci';
  readonly serial: string;
  readonly sizeBytes: number;
}

export interface MachineIdentity {
  readonly uuid: string;
  readonly manufacturer: string;
  readonly product: string;
  readonly serial: string;
  readonly boardSerial: string;
  readonly chassisSerial: string;
  readonly assetTag: string;
}

export interface BmcSpec {
  readonly address: string;
  readonly mac: string;
  readonly username: string;
  readonly password: string;
  readonly protocols: readonly ('ipmi' | 'redfish')[];
}

export interface RackDeclaration {
  readonly machines: number;
  readonly seed: number;
  /** Default 8 GiB; the files are sparse. */
  readonly diskSizeBytes?: number;
  readonly memoryMib?: number;
  /** Of each machine, alike. Default 1. */
  readonly disks?: number;
  /** For virtual media every BMC speaks Redfish; the ways that only UEFI has make every machine such a one. Default: network. */
  readonly boot?: BootWay;
}

/** BMC addresses start at 10.77.1.11 and end with the octet. */
export const RACK_MACHINES_MAX = 200;
const FIRST_BMC_HOST = 11;
const LEAF_ADDRESS = '10.77.1.5';
const DISK_SIZE_BYTES = 8 * 1024 ** 3;
/** The agent's ramdisk unpacked, its packed copy and Node need some 770 MiB. */
const MEMORY_MIB = 1024;
/** Two cores boot two machines; a third only starves them until their kernels see broken timers. */
const BOOTS_AT_ONCE = 2;

const KINDS = [
  { firmware: 'bios', protocols: ['ipmi'], bus: 'virtio', nics: ['virtio-net-pci'], tpm: false },
  { firmware: 'uefi', protocols: ['redfish'], bus: 'nvme', nics: ['virtio-net-pci'], tpm: true },
  { firmware: 'bios', protocols: ['ipmi', 'redfish'], bus: 'ahci', nics: ['virtio-net-pci', 'e1000e'], tpm: false },
] as const;

const hex = (random: Random, bytes: number) => random.bytes(bytes).toString('hex');

/** RFC 9562 version 4, from the rack's own stream. */
function uuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const octet = (value: number) => value.toString(16).padStart(2, '0');

export function declareRack(declaration: RackDeclaration): RackSpec {
  const { machines, seed, boot = 'network' } = declaration;
  const isUefiOnly = boot === 'http' || boot === 'secure-boot' || boot === 'ipv6' || boot === 'arm64';
  if (!Number.isInteger(machines) || machines < 1 || machines > RACK_MACHINES_MAX)
    throw new RangeError(`a rack has 1 to ${RACK_MACHINES_MAX} machines, not ${machines}`);
  const random = seededRandom(seed);
  const macPrefix = `52:54:00:${octet(random.bytes(1)[0]!)}`;
  let ports = 0;
  const declareMachine = (index: number): MachineSpec => {
    const kind = KINDS[isUefiOnly ? KINDS.findIndex(({ firmware }) => firmware === 'uefi') : index % KINDS.length]!;
    const number = index + 1;
    const tail = `${hex(random, 3).toUpperCase()}${String(number).padStart(3, '0')}`;
    return {
      name: `machine-${number}`,
      architecture: boot === 'arm64' ? 'aarch64' : 'x86_64',
      firmware: kind.firmware,
      cpus: 1,
      memoryMib: declaration.memoryMib ?? MEMORY_MIB,
      nics: kind.nics.map((model, nic) => ({ mac: `${macPrefix}:${octet(number)}:${octet(nic + 1)}`, model, switchPort: (ports += 1) })),
      disks: Array.from({ length: declaration.disks ?? 1 }, (_each, disk) => ({
        bus: kind.bus,
        serial: `DSK${tail}${disk === 0 ? '' : `-${disk + 1}`}`,
        sizeBytes: declaration.diskSizeBytes ?? DISK_SIZE_BYTES,
      })),
      identity: {
        uuid: uuid(random),
        manufacturer: 'Rackwright',
        product: 'LabServer',
        serial: `SRV${tail}`,
        boardSerial: `BRD${tail}`,
        chassisSerial: `CHS${tail}`,
        assetTag: `RACK1-U${String(number).padStart(2, '0')}`,
      },
      tpm: kind.tpm && boot !== 'arm64',
      networkBoot: boot === 'http' ? 'http' : boot === 'ipv6' ? 'pxe-ipv6' : 'pxe',
      hasSecureBoot: boot === 'secure-boot',
      bootOrder: 'disk-first',
      bmc: {
        address: `10.77.1.${FIRST_BMC_HOST + index}`,
        mac: `${macPrefix}:${octet(number)}:fe`,
        username: 'admin',
        // 16 bytes at most: the oldest form of an IPMI password.
        password: hex(random, 8),
        protocols: bootsByMedia(boot) ? [...new Set([...kind.protocols, 'redfish' as const])] : kind.protocols,
      },
    };
  };
  const all = Array.from({ length: machines }, (_each, index) => declareMachine(index));
  return {
    seed,
    network: {
      cidr: '10.77.0.0/24',
      interface: 'prov0',
      address: '10.77.0.1',
      ...(boot === 'ipv6' ? { ipv6: { cidr: 'fd00:77::/64', address: 'fd00:77::1' } } : {}),
    },
    leaf: {
      name: 'leaf-1',
      chassisMac: `${macPrefix}:00:01`,
      sparePort: ports + 1,
      management: { address: LEAF_ADDRESS, port: 443, username: 'rackwright', password: hex(random, 12) },
    },
    machines: all,
    bootsAtOnce: BOOTS_AT_ONCE,
  };
}
