import { appendFile, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../native-command.ts';
import type { EphemeralFormat } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';

/** File systems of an instance, by the ramdisk's own tools; and its boot loader, by the instance's. */
export interface PartitionHost {
  /** @param label what it can be mounted by */
  format(device: string, fileSystem: EphemeralFormat | 'swap', label: string): Promise<void>;
  /** @throws AgentFailure image-format when the image has nothing to install a loader with */
  installLoader(target: LoaderTarget): Promise<{ readonly command: string }>;
}

export interface LoaderTarget {
  /** The disk whose boot block or EFI system partition gets the loader. */
  readonly disk: string;
  readonly root: string;
  /** Undefined: the machine boots by BIOS. */
  readonly efi: string | undefined;
  readonly signal: AbortSignal;
}

const FORMATTERS: Readonly<Record<EphemeralFormat | 'swap', (device: string, label: string) => readonly [string, ...string[]]>> = {
  ext4: (device, label) => ['mke2fs', '-q', '-F', '-t', 'ext4', '-L', label, device],
  ext3: (device, label) => ['mke2fs', '-q', '-F', '-t', 'ext3', '-L', label, device],
  ext2: (device, label) => ['mke2fs', '-q', '-F', '-t', 'ext2', '-L', label, device],
  vfat: (device, label) => ['mkdosfs', '-n', label, device],
  swap: (device, label) => ['mkswap', '-L', label, device],
};

/** What root file systems of images are made of; busybox's mount wants to be told. */
const ROOT_FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs', 'ext3', 'ext2'];
/** They ask the kernel for it by a name that is no module's: nothing in the ramdisk finds it. */
const CHECKSUM_MODULES = ['crc32c_generic', 'crc32c_intel'];
/** Of the EFI system partition. */
const EFI_MODULES = ['vfat', 'nls_cp437', 'nls_ascii'];
const MOUNT_POINT = '/mnt/instance';
/** In the image's own tree: Debian's and Red Hat's names. */
const INSTALLERS = ['usr/sbin/grub-install', 'usr/sbin/grub2-install', 'sbin/grub2-install'];
const CONFIGURERS: readonly (readonly [path: string, command: readonly string[]])[] = [
  ['usr/sbin/update-grub', ['/usr/sbin/update-grub']],
  ['usr/sbin/grub2-mkconfig', ['/usr/sbin/grub2-mkconfig', '-o', '/boot/grub2/grub.cfg']],
  ['usr/sbin/grub-mkconfig', ['/usr/sbin/grub-mkconfig', '-o', '/boot/grub/grub.cfg']],
];

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

async function mountRoot(device: string): Promise<void> {
  const refusals: string[] = [];
  for (const module of [...CHECKSUM_MODULES, ...EFI_MODULES]) await runCommand('modprobe', [module]).catch(() => undefined);
  for (const type of ROOT_FILE_SYSTEMS) {
    await runCommand('modprobe', [type]).catch(() => undefined);
    try {
      await runCommand('mount', ['-t', type, device, MOUNT_POINT]);
      return;
    } catch (error) {
      refusals.push(`${type}: ${(error as Error).message}`);
    }
  }
  throw new AgentFailure(
    'image-format',
    `the root file system of the image can not be mounted (${refusals.join('; ')})`,
    undefined,
    `deploy a partition image with one of ${ROOT_FILE_SYSTEMS.join(', ')}, or a whole-disk image`,
  );
}

/** Mounts what a loader's installer looks at, in order; what was mounted is told to `mounted`. */
async function mountInstance({ root, efi }: LoaderTarget, mounted: string[]): Promise<void> {
  await mkdir(MOUNT_POINT, { recursive: true });
  await mountRoot(root);
  await nameByUuid(root);
  mounted.push(MOUNT_POINT);
  const inside = (path: string) => join(MOUNT_POINT, path);
  const mounts: (readonly [path: string, ...args: string[]])[] = [
    ['proc', '-t', 'proc', 'proc'],
    ['sys', '-t', 'sysfs', 'sysfs'],
    ['dev', '-o', 'bind', '/dev'],
    ...(efi === undefined ? [] : [['boot/efi', '-t', 'vfat', efi] as const]),
  ];
  for (const [path, ...args] of mounts) {
    await mkdir(inside(path), { recursive: true });
    await runCommand('mount', [...args, inside(path)]);
    mounted.push(inside(path));
  }
}

async function uuidOf(device: string): Promise<string | undefined> {
  return / UUID="([^"]+)"/.exec((await runCommand('blkid', [device])).toString())?.[1];
}

/** As udev does in a whole system: GRUB names a root that it finds here by its UUID, and else by a device name that may change. */
async function nameByUuid(device: string): Promise<void> {
  const uuid = await uuidOf(device);
  if (uuid === undefined) return;
  await mkdir('/dev/disk/by-uuid', { recursive: true });
  await symlink(device, `/dev/disk/by-uuid/${uuid}`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function noteEfiPartition(efi: string): Promise<void> {
  const table = join(MOUNT_POINT, 'etc/fstab');
  const known = await readFile(table, 'utf8').catch(() => '');
  if (/^\s*[^#\s]\S*\s+\/boot\/efi\s/m.test(known)) return;
  const uuid = await uuidOf(efi);
  if (uuid !== undefined)
    await appendFile(table, `${known === '' || known.endsWith('\n') ? '' : '\n'}UUID=${uuid} /boot/efi vfat umask=0077 0 1\n`);
}

async function firstThere<Found extends readonly [string, ...unknown[]]>(choices: readonly Found[]): Promise<Found | undefined> {
  for (const choice of choices) if (await isThere(join(MOUNT_POINT, choice[0]))) return choice;
  return undefined;
}

const nothingToInstallWith = (what: string) =>
  new AgentFailure(
    'image-format',
    `the partition image has no ${what}, so there is nothing that could make the disk boot`,
    undefined,
    'deploy a partition image that holds GRUB (grub-pc-bin, grub-efi-amd64-bin, grub2-common), or a whole-disk image',
  );

async function runLoader({ disk, efi, signal }: LoaderTarget): Promise<{ command: string }> {
  const installer = await firstThere(INSTALLERS.map((path) => [path] as const));
  if (installer === undefined) throw nothingToInstallWith('grub-install');
  const configurer = await firstThere(CONFIGURERS);
  if (configurer === undefined) throw nothingToInstallWith('grub-mkconfig');
  const command = [
    `/${installer[0]}`,
    // Removable: the path that firmware tries by itself; the boot entry is ours to write.
    ...(efi === undefined
      ? ['--target=i386-pc', '--recheck', disk]
      : ['--target=x86_64-efi', '--efi-directory=/boot/efi', '--removable', '--no-nvram']),
  ];
  await runCommand('chroot', [MOUNT_POINT, ...command], { signal });
  await runCommand('chroot', [MOUNT_POINT, ...configurer[1]], { signal });
  if (efi !== undefined) await noteEfiPartition(efi);
  return { command: command.join(' ') };
}

export const ramdiskPartitions: PartitionHost = {
  async format(device, fileSystem, label) {
    const [command, ...args] = FORMATTERS[fileSystem](device, label);
    await runCommand(command, args);
  },
  async installLoader(target) {
    const mounted: string[] = [];
    try {
      await mountInstance(target, mounted);
      return await runLoader(target);
    } finally {
      for (const path of mounted.reverse()) await runCommand('umount', [path]);
      await runCommand('sync', []);
    }
  },
};
