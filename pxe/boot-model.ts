import type { MacAddress } from '../core/base/mac-address.ts';

/**
 * Everything the boot plane needs to know to answer a packet, as one frozen value that is replaced whole. It arrives from
 * the control plane and is kept on disk, so that known machines boot while everything else is down.
 */
export interface BootModel {
  /** Rises with every change; a lower one never replaces a higher one. */
  readonly version: number;
  readonly subnets: readonly BootSubnet[];
  readonly hosts: readonly BootHost[];
  /** Which rack a relay's port is in; the first that fits counts. */
  readonly relayRules?: readonly RelayRule[];
  /** Addresses of relays that may ask who has an address (RFC 4388); nobody else is answered. */
  readonly leaseQueriesFrom?: readonly string[];
  /** NICs on networks whose DHCP was taken from this server: they are not answered. */
  readonly withdrawnMacs?: readonly MacAddress[];
  /** Clients that get something of their own, by what they say they are. */
  readonly classes?: readonly ClientClass[];
  readonly files: BootFiles;
  /** Shared with the API: boot tokens are signed with it (`core/base/boot-token-codec.ts`). Base64. */
  readonly bootSecret: string;
}

export interface BootSubnet {
  readonly id: string;
  /** `10.77.0.0/24` */
  readonly cidr: string;
  /** The interface that this subnet is attached to; absent for a subnet reached through relays only. */
  readonly interface?: string;
  /** Our address on it: server identifier, next-server and the host of every URL that we hand out. */
  readonly serverAddress: string;
  readonly gateway?: string;
  readonly dnsServers: readonly string[];
  readonly domain?: string;
  /** First and last address, inclusive, for machines that are known. */
  readonly pools: readonly (readonly [string, string])[];
  /** First and last address, inclusive, for strangers; none: strangers are not answered. */
  readonly discoveryPool?: readonly [string, string];
  readonly leaseSeconds: number;
  /** More options by code; those of a class go before these, and those of a machine before all. */
  readonly options?: OptionValues;
  /** What machines with an instance get instead: their way to the metadata service. */
  readonly instanceOptions?: OptionValues;
  /** Answer router solicitations (without it iPXE waits some 12 s for IPv6). */
  readonly routerAdvertisements: boolean;
  /** Ask after an address before it is offered for the first time (ARP, or an echo behind a relay); never for a reserved one. */
  readonly probeAddresses?: boolean;
  /** Another DHCP server gives the addresses here; we answer with boot files only, and whom: see `ProxyMode`. */
  readonly proxy?: ProxyMode;
  /** UEFI machines here, known or not, get signed loaders: they run with Secure Boot and without. */
  readonly signedLoaders?: boolean;
  /** Served by DHCPv6 too, over the same wire. */
  readonly ipv6?: BootSubnetIpv6;
}

/** By code of DHCPv4; raw bytes in hex (`typed-option-codec.ts` makes them). */
export type OptionValues = Readonly<Record<number, string>>;

/** All that is set must fit; a `*` at the end of a text stands for any ending. */
export interface ClientClass {
  readonly name: string;
  /** Option 60. */
  readonly vendorClass?: string;
  /** One of option 77's. */
  readonly userClass?: string;
  /** Option 93: one of these. */
  readonly architectures?: readonly number[];
  readonly subnetIds?: readonly string[];
  readonly options?: OptionValues;
  /** A TFTP path or a whole URL, instead of iPXE; iPXE itself gets its script all the same. */
  readonly bootFile?: string;
}

/**
 * Tells rack, network and pool by what a relay says of a client's port (option 82; over IPv6 options 18 and 37). Identifiers are
 * text, or `0x…` where they are not; a `*` at the end stands for any ending.
 */
export interface RelayRule {
  readonly circuitId?: string;
  readonly remoteId?: string;
  /** The network of RFC 6607 that the client is in: a name or `0x…`; absent for the global one. */
  readonly vpn?: string;
  readonly rack: string;
  /** Instead of the one that the relay's address tells. */
  readonly subnetId?: string;
  /** First and last IPv4 address, inclusive: instead of the subnet's pools. */
  readonly pool?: readonly [string, string];
}

/**
 * Whose network boot is answered beside a foreign DHCP server: `known` machines of the model; `everyone`, where strangers are
 * sent on to their own disks; or `enroll`, where strangers start the agent and are enrolled.
 */
export type ProxyMode = 'known' | 'everyone' | 'enroll';

/** Addresses are canonical text (RFC 5952). */
export interface BootSubnetIpv6 {
  /** `fd00:77::/64` */
  readonly cidr: string;
  /** Our address on it: the host of every URL that we hand out. */
  readonly serverAddress: string;
  readonly dnsServers: readonly string[];
  readonly ntpServers: readonly string[];
  readonly domainSearch: readonly string[];
  /** First and last address, inclusive, for machines that are known. */
  readonly pools: readonly (readonly [string, string])[];
  /** First and last address, inclusive, for strangers; none: strangers are not answered. */
  readonly discoveryPool?: readonly [string, string];
  /** What router advertisements say (RFC 4861 §4.2): addresses by DHCPv6 (M), other settings by DHCPv6 (O), seconds as a default router. */
  readonly advertisement: { readonly managed: boolean; readonly otherConfiguration: boolean; readonly routerLifetimeSeconds: number };
}

export interface BootHost {
  /** Node UUID. */
  readonly nodeId: string;
  readonly name: string;
  readonly macs: readonly MacAddress[];
  /** Fixed addresses by MAC. */
  readonly reservations: Readonly<Record<MacAddress, string>>;
  /** The same for IPv6. */
  readonly reservations6?: Readonly<Record<MacAddress, string>>;
  readonly options?: OptionValues;
  readonly boot: BootIntent;
  /** Its firmware starts only what is signed. */
  readonly hasSecureBoot?: boolean;
  /** An instance is on it. */
  readonly hasInstance?: boolean;
  /** Added to the agent's kernel command line: the options of the machine's tags. */
  readonly kernelArguments?: string;
  /** The same for a start from virtual media: addresses where no DHCP server gives them. */
  readonly agentNetwork?: string;
}

/** Asks the control plane for one machine as it is now; undefined for a stranger. Rejects when nobody answers. */
export type AskHost = (mac: MacAddress) => Promise<BootHost | undefined>;

/** What the machine's next network boot shall do. A machine without a host record gets `agent` when discovery is on. */
export type BootIntent =
  /** The deploy agent's ramdisk. */
  | { readonly kind: 'agent'; readonly reason: string }
  /** Leave the network boot and start from the local disk. */
  | { readonly kind: 'disk'; readonly reason: string }
  /** Do not boot: keep the machine at the prompt, saying why, and try again after some seconds. */
  | { readonly kind: 'hold'; readonly reason: string }
  /** The instance is a ramdisk: it comes over the network at every boot. */
  | { readonly kind: 'image'; readonly reason: string; readonly image: NetworkImage }
  /** The instance's disk is on a storage network. */
  | { readonly kind: 'volume'; readonly reason: string; readonly volume: NetworkVolume };

/** Each a whole http(s) URL, or the name of a file in the image directory. */
export type NetworkImage =
  | { readonly kernel: string; readonly ramdisk: string; readonly kernelArguments: string }
  | { readonly iso: string };

/** iSCSI (RFC 7143); the first drive is the one to boot from. */
export interface NetworkVolume {
  /** The machine's own name: `iqn.2026-01.org.example:machine-1`. */
  readonly initiator: string;
  readonly drives: readonly IscsiDrive[];
}
export interface IscsiDrive {
  /** IPv4 address or host name. */
  readonly host: string;
  readonly port: number;
  readonly lun: number;
  readonly target: string;
  readonly chap?: { readonly username: string; readonly password: string };
}

interface SignedLoaders {
  /** Absolute paths. */
  readonly shim: string;
  readonly grub: string;
}

export interface BootFiles {
  /** Absolute path on the boot server's disk. */
  readonly agentKernel: string;
  readonly agentRamdisk: string;
  /** Added to the agent's kernel command line, for example `rackwright.api=https://10.77.0.1:5443 rackwright.pin=sha256//…`. */
  readonly agentCommandLine: string;
  /** The same for a machine that boots over IPv6. */
  readonly agentCommandLine6?: string;
  /** The agent's boot CD (`images/build-boot-iso.ts`), where machines boot by virtual media. */
  readonly agentIso?: {
    readonly path: string;
    /** Where each machine's kernel line goes, and how much room it has. */
    readonly lineStart: number;
    readonly lineBytes: number;
  };
  /** Directory of iPXE binaries: `undionly.kpxe`, `snponly.efi`, `ipxe.efi`; for HTTP Boot of 64-bit ARM `snponly-arm64.efi`. */
  readonly ipxeDirectory: string;
  /** Signed loaders for Secure Boot. */
  readonly signed?: SignedLoaders;
  /** The agent of 64-bit ARM machines; without it they are held, saying so. */
  readonly arm64?: SignedLoaders & { readonly kernel: string; readonly ramdisk: string };
  /** Directory whose files are served below `/images/<boot token>/`. */
  readonly imageDirectory: string;
  /** Directories of image stores, where files that are not in the first are looked for. */
  readonly storeDirectories?: readonly string[];
}

/** A lease as the control plane stores it; `expiresAtMs` in Unix milliseconds. */
export interface LeaseRecord {
  /** Canonical text of either family. */
  readonly ipAddress: string;
  readonly mac: MacAddress;
  /** Option 61 in hex, where the client sent one; the DUID for an IPv6 address. */
  readonly clientId?: string;
  readonly subnetId: string;
  readonly state: 'bound' | 'released' | 'declined' | 'expired';
  readonly hostname?: string;
  readonly architecture?: number;
  readonly expiresAtMs: number;
  /** Monotonic per journal: a row with a lower sequence never overwrites a higher one. */
  readonly sequence: number;
}

/** Takes journaled leases towards PostgreSQL in batches; a rejection means "try again later", the journal keeps them. */
export type StoreLeases = (batch: readonly LeaseRecord[]) => Promise<void>;
