/** What goes into the ramdisk. Each line is there for a machine that needs it; sizes and boot times are in the room's README. */

/** The generic kernel: the cloud flavour boots faster but has no IPMI, AHCI or drivers for real NICs. */
export const KERNEL_META_PACKAGE = 'linux-image-amd64';

/**
 * Node wants the C++ runtime and libatomic, the SSH server of a rescue its cryptography; busybox has no DHCPv6. The last two lie beside the ramdisk, for
 * firmware with Secure Boot. Everything else the agent does by itself or through busybox.
 */
export const PACKAGES = [
  'busybox-static',
  'libc6',
  'libstdc++6',
  'libgcc-s1',
  'libatomic1',
  'dropbear-bin',
  'libcrypt1',
  'libtomcrypt1',
  'libtommath1',
  'libgmp10',
  'zlib1g',
  'mdadm',
  'libudev1',
  'e2fsprogs',
  'util-linux',
  'libext2fs2',
  'libcom-err2',
  'libblkid1',
  'libuuid1',
  'dhcpcd-base',
  'shim-signed',
  'grub-efi-amd64-signed',
] as const;

/** Beside those that all of our memory file systems have. */
export const BUSYBOX_APPLETS = [
  'mkpasswd',
  'mknod',
  'uniq',
  'hexdump',
  'less',
  'insmod',
  'xz',
  'tftp',
  'nslookup',
  'lsscsi',
  'expr',
  'dirname',
  'chroot',
  'mkdosfs',
  'mkswap',
] as const;

/** By what they drive. Dependencies follow by themselves. */
export const KERNEL_MODULES = [
  // Disks and their controllers.
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'nvme',
  'ahci',
  'ata_piix',
  'sd_mod',
  'sr_mod',
  'sg',
  'ses',
  'megaraid_sas',
  'mpt3sas',
  'hpsa',
  'aacraid',
  'smartpqi',
  'xhci_pci',
  'ehci_pci',
  'uas',
  'usb_storage',
  // Network adapters.
  'virtio_net',
  'e1000',
  'e1000e',
  'igb',
  'igc',
  'ixgbe',
  'i40e',
  'ice',
  'tg3',
  'bnxt_en',
  'bnx2x',
  'r8169',
  'mlx4_en',
  'mlx5_core',
  'be2net',
  'enic',
  'vmxnet3',
  '8021q',
  'bonding',
  // The BMC in band, the TPM, firmware variables, the power button.
  'ipmi_si',
  'ipmi_devintf',
  'ipmi_ssif',
  'tpm_tis',
  'tpm_crb',
  'efivarfs',
  'qemu_fw_cfg',
  'button',
  'evdev',
  // Software RAID.
  'md_mod',
  'raid0',
  'raid1',
  'raid10',
  // Root file systems of partition images.
  'ext4',
  'xfs',
  'crc32c_generic',
  'crc32c_intel',
  'btrfs',
  // Virtual media and config drives.
  'isofs',
  'vfat',
  'nls_ascii',
  'nls_cp437',
  'loop',
] as const;
