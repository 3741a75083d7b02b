import type { DebianArchitecture } from '../debian-packages.ts';

/** What differs between ramdisks for one and for another processor. */
export interface ArchitectureFacts {
  /** The generic kernel: the cloud flavour boots faster but has no IPMI, AHCI or drivers for real NICs. */
  readonly kernelMetaPackage: string;
  /** For firmware that starts signed programs only; where no iPXE is packaged (arm64), for all. */
  readonly loaderPackages: readonly string[];
  /** Paths in those packages, and the names by which shim asks for GRUB and a boot server serves both. */
  readonly shim: { readonly name: string; readonly path: string };
  readonly grub: { readonly name: string; readonly path: string };
  /** Drivers in the common list that this kernel has not, and those that only machines of this kind want. */
  readonly modulesLess: readonly string[];
  readonly modulesMore: readonly string[];
}

export const ARCHITECTURES: Readonly<Record<DebianArchitecture, ArchitectureFacts>> = {
  amd64: {
    kernelMetaPackage: 'linux-image-amd64',
    loaderPackages: ['shim-signed', 'grub-efi-amd64-signed'],
    shim: { name: 'shimx64.efi', path: 'usr/lib/shim/shimx64.efi.signed' },
    grub: { name: 'grubx64.efi', path: 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed' },
    modulesLess: [],
    modulesMore: [],
  },
  arm64: {
    kernelMetaPackage: 'linux-image-arm64',
    loaderPackages: ['shim-signed', 'grub-efi-arm64-signed'],
    shim: { name: 'shimaa64.efi', path: 'usr/lib/shim/shimaa64.efi.signed' },
    grub: { name: 'grubaa64.efi', path: 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed' },
    modulesLess: ['tpm_tis', 'crc32c_intel'],
    // Controllers and NICs on the chips of Ampere, HiSilicon, Marvell and AMD; a TPM is on SPI.
    modulesMore: ['ahci_platform', 'ahci_xgene', 'xgene_enet', 'hns3', 'nicvf', 'amd_xgbe', 'tpm_tis_spi'],
  },
};
