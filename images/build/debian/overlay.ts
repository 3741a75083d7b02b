/** Files that make a plain Debian root into the image: path to content; a link is `{ link }`. Installed before the packages are configured. */
export type OverlayEntry = { readonly content: string; readonly mode?: number } | { readonly link: string };

/** Drivers of the root disk. The initial ramdisk holds these and no more: it is unpacked at every boot. */
const INITRAMFS_MODULES = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'nvme',
  'ahci',
  'ata_piix',
  'sd_mod',
  'megaraid_sas',
  'mpt3sas',
  'hpsa',
  'aacraid',
  'smartpqi',
  'uas',
  'usb_storage',
  'xhci_pci',
  'ehci_pci',
  'ext4',
];

/** Timers and units that cost time at boot and bring nothing to a fresh server. */
const MASKED_UNITS = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'systemd-networkd-wait-online.service',
  'systemd-pcrphase.service',
  'systemd-pcrphase-sysinit.service',
  'cloud-init-hotplugd.socket',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'systemd-machine-id-commit.service',
  'systemd-hwdb-update.service',
  'modprobe@drm.service',
  'modprobe@fuse.service',
  'console-setup.service',
  'keyboard-setup.service',
];

const CLOUD_CONFIG = `# Only the modules that a server of this cloud uses: each one costs time at every boot.
users:
  - default
disable_root: true
preserve_hostname: false
datasource_list: [ConfigDrive, None]
datasource:
  ConfigDrive:
    dsmode: local
ssh_deletekeys: true
ssh_genkeytypes: [ed25519, ecdsa]
no_ssh_fingerprints: true
growpart:
  mode: growpart
  devices: ['/']
  ignore_growroot_disabled: true
resize_rootfs: noblock
cloud_init_modules: [bootcmd, write-files, growpart, resizefs, set_hostname, update_etc_hosts, users-groups, ssh]
cloud_config_modules: [set-passwords, timezone, ntp, runcmd]
cloud_final_modules: [package-update-upgrade-install, scripts-vendor, scripts-per-once, scripts-per-boot, scripts-per-instance, scripts-user, final-message, power-state-change]
system_info:
  distro: debian
  default_user:
    name: debian
    lock_passwd: true
    gecos: Debian
    groups: [adm, sudo, systemd-journal]
    sudo: ['ALL=(ALL) NOPASSWD:ALL']
    shell: /bin/bash
  network:
    renderers: [networkd]
    activators: [networkd]
  paths:
    cloud_dir: /var/lib/cloud/
    templates_dir: /etc/cloud/templates/
  ssh_svcname: ssh
`;

/** Where packages come from is the installation's matter: its own mirror, as a rule. cloud-init writes the file before it installs what user data asks for. */
const APT_SOURCES = `# None yet. Write them here, or for all machines in vendor data (write_files, path /etc/apt/sources.list), for example:
# deb http://mirror.example.org/debian bookworm main
`;

export const overlayFor = (rootUuid: string, grubConfig: string | undefined): ReadonlyMap<string, OverlayEntry> =>
  new Map<string, OverlayEntry>([
    ['etc/initramfs-tools/modules', { content: `${INITRAMFS_MODULES.join('\n')}\n` }],
    ['etc/initramfs-tools/conf.d/rackwright', { content: 'MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=9\nRESUME=none\nFSTYPE=ext4\n' }],
    ['etc/kernel-img.conf', { content: 'do_symlinks = yes\nlink_in_boot = no\nimage_dest = /\n' }],
    ['etc/fstab', { content: `UUID=${rootUuid} / ext4 defaults,errors=remount-ro 0 1\n` }],
    ['etc/cloud/cloud.cfg', { content: CLOUD_CONFIG }],
    ['etc/cloud/cloud.cfg.d/99_rackwright.cfg', { content: 'datasource_list: [ConfigDrive, None]\n' }],
    ['etc/cloud/ds-identify.cfg', { content: 'policy: search,found=all,maybe=all,notfound=enabled\n' }],
    ...(grubConfig === undefined ? [] : [['boot/grub/grub.cfg', { content: grubConfig }] as const]),
    ['etc/default/locale', { content: 'LANG=C.UTF-8\n' }],
    ['etc/systemd/journald.conf.d/rackwright.conf', { content: '[Journal]\nSystemMaxUse=64M\n' }],
    // A server without a network plan still comes up: every wired NIC asks for an address.
    ['etc/systemd/network/90-default.network', { content: '[Match]\nType=ether\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nUseDomains=yes\n' }],
    ...MASKED_UNITS.map((unit) => [`etc/systemd/system/${unit}`, { link: '/dev/null' }] as const),
    ['etc/systemd/system/multi-user.target.wants/systemd-networkd.service', { link: '/lib/systemd/system/systemd-networkd.service' }],
  ]);

/** After the packages: what the build machine left behind goes, and names become neutral. */
export const finishingTouches = (): ReadonlyMap<string, OverlayEntry | undefined> =>
  new Map<string, OverlayEntry | undefined>([
    ['etc/hostname', { content: 'debian\n' }],
    ['etc/hosts', { content: '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' }],
    ['etc/apt/sources.list', { content: APT_SOURCES }],
    ['etc/resolv.conf', { link: '../run/systemd/resolve/stub-resolv.conf' }],
    // Empty, not missing: then systemd makes one at the first boot without asking for a first-boot setup.
    ['etc/machine-id', { content: '' }],
    ['var/lib/dbus/machine-id', { link: '/etc/machine-id' }],
    ...['rsa', 'ecdsa', 'ed25519'].flatMap(
      (kind) =>
        [
          [`etc/ssh/ssh_host_${kind}_key`, undefined],
          [`etc/ssh/ssh_host_${kind}_key.pub`, undefined],
        ] as const,
    ),
    [
      'etc/dpkg/dpkg.cfg.d/99mmdebstrap',
      { content: 'path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n' },
    ],
  ]);
