import type { MacAddress } from '../../core/base/mac-address.ts';

/** What a DHCP request says about the program that will boot, as read from options 60, 77 and 93. */
export interface FirmwareFacts {
  readonly vendorClass?: string | undefined;
  readonly userClasses: readonly string[];
  /** Option 93; undefined when the client did not say. */
  readonly architecture?: number | undefined;
}

export type BootFile =
  /** `file` is a TFTP path or a full URL. */
  | { readonly kind: 'file'; readonly file: string; readonly vendorClass?: 'HTTPClient'; readonly why: string }
  | { readonly kind: 'unsupported'; readonly why: string }
  /** An operating system's DHCP client: it wants an address, not a program. */
  | { readonly kind: 'not-booting' };

/** What firmware with Secure Boot starts: signed by whose keys it has. The names are those that shim asks for. */
export const SIGNED_LOADERS = {
  x64: { shim: 'shimx64.efi', grub: 'grubx64.efi' },
  arm64: { shim: 'shimaa64.efi', grub: 'grubaa64.efi' },
} as const;

interface Architecture {
  readonly name: string;
  readonly file?: string;
  readonly http?: true;
  /** Distributions sign loaders for it. */
  readonly signed?: keyof typeof SIGNED_LOADERS;
}

/** The processor architecture types that IANA lists for option 93, as far as machines in racks send them. */
const ARCHITECTURES: Readonly<Record<number, Architecture>> = {
  0: { name: 'x86 BIOS', file: 'undionly.kpxe' },
  6: { name: '32-bit x86 UEFI' },
  7: { name: 'x64 UEFI', file: 'snponly.efi', signed: 'x64' },
  9: { name: 'x64 UEFI (sent as EFI byte code)', file: 'snponly.efi', signed: 'x64' },
  10: { name: '32-bit ARM UEFI' },
  // Distributions package no iPXE for it.
  11: { name: '64-bit ARM UEFI', file: 'shimaa64.efi', signed: 'arm64' },
  15: { name: '32-bit x86 UEFI HTTP' },
  16: { name: 'x64 UEFI HTTP', file: 'snponly.efi', http: true, signed: 'x64' },
  18: { name: '32-bit ARM UEFI HTTP' },
  19: { name: '64-bit ARM UEFI HTTP', file: 'snponly-arm64.efi', http: true, signed: 'arm64' },
  27: { name: '64-bit RISC-V UEFI' },
  28: { name: '64-bit RISC-V UEFI HTTP' },
};

export const isIpxe = (facts: FirmwareFacts): boolean => facts.userClasses.includes('iPXE');

/** Old ROMs leave out option 93 and say `PXEClient:Arch:00000:UNDI:002001`. */
const architectureInVendorClass = (vendorClass: string | undefined): number | undefined => {
  const digits = /Arch:(\d{5})/.exec(vendorClass ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** iPXE fills in the `${…}` itself; `:uristring` escapes what vendors put into serial numbers. */
export const ipxeScriptUrl = (baseUrl: string, mac: MacAddress, processor?: Processor): string =>
  `${baseUrl}/boot/ipxe?mac=${mac}&uuid=\${uuid}&serial=\${serial:uristring}&platform=\${platform}${processor === undefined ? '' : `&arch=${processor}`}`;

/** What is not x86-64 is named, as kernels for it are others. */
export type Processor = 'arm64';

export const processorOf = (architecture: number | undefined): Processor | undefined =>
  architecture === 11 || architecture === 19 ? 'arm64' : undefined;

/** @param isSigned only signed programs run on this machine: shim and GRUB instead of iPXE */
export function chooseBootFile(facts: FirmwareFacts, mac: MacAddress, baseUrl: string, isSigned: boolean): BootFile {
  if (isIpxe(facts))
    return { kind: 'file', file: ipxeScriptUrl(baseUrl, mac, processorOf(facts.architecture)), why: 'iPXE gets its script' };
  const isHttp = facts.vendorClass?.startsWith('HTTPClient') ?? false;
  const isPxe = facts.vendorClass?.startsWith('PXEClient') ?? false;
  const code = facts.architecture ?? architectureInVendorClass(facts.vendorClass) ?? (isPxe ? 0 : undefined);
  if (code === undefined || !(isHttp || isPxe || facts.architecture !== undefined)) return { kind: 'not-booting' };
  const architecture = ARCHITECTURES[code];
  if (architecture === undefined)
    return {
      kind: 'unsupported',
      why: `architecture ${code} (option 93) is not known; x86 BIOS (0), x64 UEFI (7, 9, 16) and 64-bit ARM UEFI (11, 19) can boot`,
    };
  if (architecture.file === undefined)
    return {
      kind: 'unsupported',
      why: `${architecture.name} (architecture ${code}) is not supported yet; x86 BIOS, x64 UEFI and 64-bit ARM UEFI can boot`,
    };
  const isHttpBoot = architecture.http ?? isHttp;
  if (architecture.signed !== undefined && (isSigned || (architecture.signed === 'arm64' && !isHttpBoot))) {
    if (isHttpBoot)
      return {
        kind: 'unsupported',
        why: `${architecture.name} with Secure Boot: signed GRUB loads by TFTP only; let the firmware boot by PXE instead of HTTP`,
      };
    const why = `${architecture.name}${isSigned ? ' with Secure Boot' : ''} gets shim and GRUB over TFTP`;
    return { kind: 'file', file: SIGNED_LOADERS[architecture.signed].shim, why };
  }
  if (isHttpBoot)
    return {
      kind: 'file',
      file: `${baseUrl}/boot/${architecture.file}`,
      vendorClass: 'HTTPClient',
      why: `${architecture.name} gets iPXE over HTTP`,
    };
  return { kind: 'file', file: architecture.file, why: `${architecture.name} gets iPXE over TFTP` };
}
