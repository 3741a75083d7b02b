import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleAgent } from './bundle-agent.ts';
import { type CpioTree, encodeCpio } from './cpio-codec.ts';
import { type DebianArchitecture, resolveKernelPackage, resolvePackages, unpackPackages } from './debian-packages.ts';
import { addProgram, findKernel, startTree } from './initramfs.ts';
import { ARCHITECTURES } from './ramdisk/architecture-table.ts';
import { compressRamdisk, RAMDISK_COMPRESSION } from './ramdisk/compress.ts';
import { BUSYBOX_APPLETS, KERNEL_MODULES, PACKAGES } from './ramdisk/contents.ts';
import { nodeIdentity, nodeProgram } from './ramdisk/node-program.ts';

/**
 * Builds the deploy ramdisk from Debian's kernel and packages, the pinned Node and the agent's own sources. Nothing is
 * installed or mounted on the host. The result is known by its inputs: the same inputs give the same bytes, and a second
 * call answers from the cache.
 */
export interface BuildRamdiskOptions {
  /** Of the machines that boot it; default amd64. */
  readonly architecture?: DebianArchitecture;
  readonly cacheDirectory: string;
  readonly onProgress: (line: string) => void;
}

export interface BuiltRamdisk {
  /** Absolute paths. */
  readonly kernel: string;
  readonly ramdisk: string;
  /** What starts the kernel where firmware has Secure Boot, or no iPXE: both signed, as the kernel is. */
  readonly shim: string;
  readonly grub: string;
  /** Short digest of everything that went in. */
  readonly version: string;
}

const ROOM = fileURLToPath(new URL('.', import.meta.url));

async function sourceFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  return names
    .filter((e) => e.isFile() && !e.name.endsWith('.test.ts') && !e.name.endsWith('.md'))
    .map((e) => join(e.parentPath, e.name))
    .sort();
}

async function fingerprint(parts: readonly (string | Buffer)[]): Promise<string> {
  const hash = createHash('sha256');
  const files = [...(await sourceFiles(ROOM)), ...(await sourceFiles(join(ROOM, '../core/base')))];
  for (const file of files) hash.update(file.slice(ROOM.length)).update(await readFile(file));
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}

interface Ingredients {
  /** Of the unpacked packages. */
  readonly root: string;
  /** The kernel's. */
  readonly release: string;
  readonly node: Buffer;
  readonly modules: readonly string[];
  readonly version: string;
}

async function assembleTree({ root, release, node, modules, version }: Ingredients): Promise<CpioTree> {
  const tree = await startTree(root, {
    release,
    folders: ['root', 'mnt'],
    applets: BUSYBOX_APPLETS,
    modules,
    init: await readFile(join(ROOM, 'ramdisk/init')),
  });
  await addProgram(tree, root, 'bin/node', node);
  for (const name of ['dropbear', 'dhcpcd']) await addProgram(tree, root, `sbin/${name}`, await readFile(join(root, 'usr/sbin', name)));
  tree.set('etc/dhcpcd.conf', { type: 'file', data: await readFile(join(ROOM, 'ramdisk/dhcpcd.conf')) });
  tree.set('etc/dhcpcd.script', { type: 'file', data: await readFile(join(ROOM, 'ramdisk/dhcpcd.script')), mode: 0o755 });
  for (const program of ['sbin/mdadm', 'sbin/mke2fs', 'sbin/blkid'])
    await addProgram(tree, root, program, await readFile(join(root, program)));
  tree.set('etc/passwd', { type: 'file', data: Buffer.from('root:x:0:0:root:/root:/bin/sh\n') });
  tree.set('agent.mjs', { type: 'file', data: Buffer.from(await bundleAgent(join(ROOM, 'agent/main.ts'), version)) });
  return tree;
}

export async function buildRamdisk(options: BuildRamdiskOptions): Promise<BuiltRamdisk> {
  const { cacheDirectory, onProgress, architecture = 'amd64' } = options;
  const facts = ARCHITECTURES[architecture];
  await mkdir(cacheDirectory, { recursive: true });
  const kernelPackage = await resolveKernelPackage(facts.kernelMetaPackage, cacheDirectory, architecture);
  const packages = await resolvePackages([kernelPackage, ...PACKAGES, ...facts.loaderPackages], cacheDirectory, architecture);
  const version = await fingerprint([await nodeIdentity(architecture), ...packages.map((p) => `${p.fileName} ${p.digest}`)]);
  const directory = join(cacheDirectory, `ramdisk-${version}`);
  const built = {
    kernel: join(directory, 'kernel'),
    ramdisk: join(directory, `ramdisk.cpio.${RAMDISK_COMPRESSION}`),
    shim: join(directory, facts.shim.name),
    grub: join(directory, facts.grub.name),
    version,
  };
  if (await stat(built.ramdisk).catch(() => undefined)) return built;

  onProgress(`fetching ${packages.length} Debian packages (${architecture}) for the deploy ramdisk`);
  const root = await unpackPackages(packages, cacheDirectory, architecture);
  const node = await readFile(await nodeProgram(architecture, cacheDirectory));
  const kernel = await findKernel(root);
  onProgress(`assembling the deploy ramdisk for kernel ${kernel.release}`);
  const modules = [...KERNEL_MODULES.filter((name) => !facts.modulesLess.includes(name)), ...facts.modulesMore];
  const tree = await assembleTree({ root, release: kernel.release, node, modules, version });
  onProgress('packing the deploy ramdisk');
  const packed = await compressRamdisk(encodeCpio(tree));
  await mkdir(directory, { recursive: true });
  await writeFile(built.kernel, kernel.image);
  await copyFile(join(root, facts.shim.path), built.shim);
  await copyFile(join(root, facts.grub.path), built.grub);
  // Last and by rename: a ramdisk that is there is whole.
  const partial = `${built.ramdisk}.${process.pid}`;
  await writeFile(partial, packed);
  await rename(partial, built.ramdisk);
  onProgress(`deploy ramdisk ${version}: kernel ${mebibytes(kernel.image.length)}, ramdisk ${mebibytes(packed.length)}`);
  return built;
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
