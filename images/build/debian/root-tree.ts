import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../../../deploy-agent/native-command.ts';
import { finishingTouches, type OverlayEntry, overlayFor } from './overlay.ts';

/** The image's root file system as a folder, by mmdebstrap from the system's own package sources. */
export const PACKAGES = [
  'linux-image-amd64',
  'systemd-sysv',
  'systemd-resolved',
  'udev',
  'dbus',
  'openssh-server',
  'cloud-init',
  'cloud-guest-utils',
  'iproute2',
  'iputils-ping',
  'sudo',
  'e2fsprogs',
  'fdisk',
  'kmod',
  'ca-certificates',
  'less',
  'nano',
];

/** Never unpacked: read by people or by hardware that servers do not have. */
const EXCLUDED_PATHS = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/i18n/*',
  '/usr/share/bug/*',
  '/usr/share/lintian/*',
  '/lib/udev/hwdb.d/*',
  '/usr/lib/udev/hwdb.d/*',
  '/usr/lib/x86_64-linux-gnu/gconv/*',
];

/** Kernel modules below kernel/ that a server does without. */
const EXCLUDED_MODULES = [
  'sound',
  'drivers/gpu',
  'drivers/media',
  'drivers/staging',
  'drivers/iio',
  'drivers/isdn',
  'drivers/bluetooth',
  'drivers/comedi',
  'drivers/infiniband',
  'drivers/net/wireless',
  'drivers/net/can',
  'drivers/net/hamradio',
  'drivers/net/usb',
  'drivers/input/joystick',
  'drivers/input/touchscreen',
  'drivers/input/tablet',
  'drivers/hid',
  'drivers/usb/gadget',
  'drivers/usb/serial',
  'drivers/usb/misc',
  'drivers/video',
  'drivers/mtd',
  'drivers/mmc',
  'drivers/memstick',
  'drivers/pcmcia',
  'drivers/parport',
  'drivers/nfc',
  'drivers/thunderbolt',
  'drivers/firewire',
  'drivers/platform',
  'drivers/w1',
  'drivers/leds',
  'drivers/power',
  'drivers/regulator',
  'drivers/mfd',
  'drivers/extcon',
  'net/bluetooth',
  'net/wireless',
  'net/mac80211',
  'net/can',
  'net/nfc',
  'net/ax25',
  'net/rxrpc',
  'net/tipc',
  'net/batman-adv',
  'net/6lowpan',
  'net/ieee802154',
  'net/mac802154',
  'net/sctp',
  'net/dccp',
  'net/atm',
  'net/appletalk',
  'net/lapb',
  'net/x25',
  'fs/ocfs2',
  'fs/gfs2',
  'fs/jfs',
  'fs/reiserfs',
  'fs/nilfs2',
  'fs/f2fs',
  'fs/ubifs',
  'fs/jffs2',
  'fs/hfs',
  'fs/hfsplus',
  'fs/ufs',
  'fs/afs',
  'fs/ceph',
  'fs/orangefs',
  'fs/coda',
  'fs/minix',
  'fs/sysv',
  'fs/befs',
  'fs/affs',
  'fs/ntfs',
  'fs/ntfs3',
  'fs/bcachefs',
];

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

async function writeEntries(root: string, entries: ReadonlyMap<string, OverlayEntry | undefined>): Promise<void> {
  for (const [path, entry] of entries) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { recursive: true, force: true });
    if (entry && 'link' in entry) await symlink(entry.link, target);
    else if (entry) await writeFile(target, entry.content, { mode: entry.mode ?? 0o644 });
  }
}

async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) await rm(join(folder, name), { recursive: true, force: true });
}

export interface RootTreeOptions {
  readonly packages: readonly string[];
  /** Files beside the image's own. */
  readonly files?: ReadonlyMap<string, OverlayEntry>;
  readonly root: string;
  /** For files that the build needs beside the root. */
  readonly workDirectory: string;
  readonly rootUuid: string;
  /** Undefined: GRUB's own tools make one on the machine. */
  readonly grubConfig?: string;
  readonly onProgress: (line: string) => void;
}

export async function makeRootTree(options: RootTreeOptions): Promise<void> {
  const overlay = join(options.workDirectory, 'overlay');
  await writeEntries(overlay, new Map([...overlayFor(options.rootUuid, options.grubConfig), ...(options.files ?? [])]));
  const excluded = [
    ...EXCLUDED_PATHS,
    ...EXCLUDED_MODULES.flatMap((path) => [`/lib/modules/*/kernel/${path}/*`, `/usr/lib/modules/*/kernel/${path}/*`]),
  ];
  const settings = [
    '--variant=minbase',
    '--format=directory',
    `--include=${options.packages.join(',')}`,
    `--aptopt=APT::Install-Recommends "false"`,
    ...excluded.map((path) => `--dpkgopt=path-exclude=${path}`),
    '--dpkgopt=force-unsafe-io',
    '--dpkgopt=force-confold',
    // Before the kernel's own scripts run: they make the initial ramdisk as these files say.
    `--essential-hook=cp -a ${quote(`${overlay}/.`)} "$1"/`,
  ];
  await runCommand('mmdebstrap', [...settings, 'bookworm', options.root], {
    onLine: (line) => line.startsWith('I: ') && options.onProgress(`debian: ${line.slice(3).split(options.workDirectory).join('')}`),
  });
  await writeEntries(options.root, finishingTouches());
  for (const folder of [
    'var/cache/apt',
    'var/lib/apt/lists',
    'var/log',
    'tmp',
    'var/tmp',
    'run',
    'etc/apt/sources.list.d',
    'var/cache/debconf',
    'var/lib/systemd',
  ])
    await emptyFolder(join(options.root, folder));
  await mkdir(join(options.root, 'var/log/journal'), { recursive: true });
}
