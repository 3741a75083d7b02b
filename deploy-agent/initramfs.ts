import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMalformed } from '../core/base/malformed.ts';
import type { CpioTree } from './cpio-codec.ts';
import { readElfNeeds, readModuleInfo, stripElf } from './elf-codec.ts';

/** Puts a ramdisk's tree together from unpacked packages: programs with their libraries, kernel modules with what they need. */

/** Debian's folders for libraries of one architecture; the packages below a root are all of one. */
const LIBRARY_FOLDERS = ['x86_64-linux-gnu', 'aarch64-linux-gnu'] as const;

async function libraryFolder(root: string): Promise<string> {
  for (const folder of LIBRARY_FOLDERS) if (await stat(join(root, 'lib', folder)).catch(() => undefined)) return folder;
  throw new Error(`no folder of libraries (${LIBRARY_FOLDERS.join(', ')}) below ${root}: libc6 is missing`);
}

/** Follows links inside `root`, so that an absolute link of a package does not lead to the host's file. */
async function resolveInside(root: string, path: string): Promise<string> {
  let current = path;
  for (let hops = 0; hops < 16; hops += 1) {
    const target = await readlink(join(root, current)).catch(() => undefined);
    if (target === undefined) return join(root, current);
    current = normalize(target.startsWith('/') ? target.slice(1) : join(dirname(current), target));
  }
  throw new Error(`too many links from ${path}`);
}

async function findLibrary(root: string, own: string, name: string): Promise<Buffer> {
  for (const folder of [`lib/${own}`, `usr/lib/${own}`, 'lib64', 'lib', 'usr/lib']) {
    const file = await resolveInside(root, join(folder, name));
    if (await stat(file).catch(() => undefined)) return readFile(file);
  }
  throw new Error(`no unpacked package holds the library ${name}`);
}

/** Adds a program (stripped) at `path` with its loader and all the libraries that it needs, taken from the packages below `root`. */
export async function addProgram(tree: CpioTree, root: string, path: string, program: Buffer): Promise<void> {
  const stripped = stripElf(program);
  const needs = readElfNeeds(program);
  if (isMalformed(stripped) || isMalformed(needs)) throw new Error(`${path} is not a program`);
  tree.set(path, { type: 'file', data: stripped, mode: 0o755 });
  const folder = await libraryFolder(root);
  const waiting = [...needs.libraries];
  if (needs.interpreter) {
    const interpreter = needs.interpreter.replace(/^\//, '');
    tree.set(interpreter, { type: 'file', data: await findLibrary(root, folder, interpreter.split('/').at(-1)!), mode: 0o755 });
  }
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const target = `lib/${folder}/${name}`;
    if (tree.has(target) || tree.has(`lib64/${name}`) || tree.has(`lib/${name}`)) continue;
    const library = await findLibrary(root, folder, name);
    const small = stripElf(library);
    const more = readElfNeeds(library);
    if (isMalformed(small) || isMalformed(more)) throw new Error(`${name} is not a library`);
    tree.set(target, { type: 'file', data: small, mode: 0o755 });
    waiting.push(...more.libraries);
  }
}

/** What a person at any of our consoles, and the scripts of all of them, can call. */
const COMMON_APPLETS = [
  'sh',
  'mount',
  'umount',
  'mkdir',
  'cat',
  'ls',
  'ln',
  'cp',
  'rm',
  'mv',
  'sleep',
  'date',
  'echo',
  'cut',
  'tr',
  'sed',
  'grep',
  'awk',
  'find',
  'xargs',
  'sort',
  'head',
  'tail',
  'wc',
  'dd',
  'dmesg',
  'ps',
  'kill',
  'free',
  'df',
  'top',
  'vi',
  'ip',
  'udhcpc',
  'ping',
  'nc',
  'wget',
  'modprobe',
  'lsmod',
  'setsid',
  'cttyhack',
  'sync',
  'poweroff',
  'reboot',
  'hostname',
  'uname',
  'env',
  'blockdev',
  'acpid',
  'sha256sum',
  'test',
  '[',
  'seq',
  'basename',
  'readlink',
];

export const UDHCPC_SCRIPT = fileURLToPath(new URL('ramdisk/udhcpc.script', import.meta.url));
const ON_POWER_BUTTON = '#!/bin/sh\nsync\npoweroff -f\n';

export interface TreeStart {
  /** The kernel's. */
  readonly release: string;
  readonly folders: readonly string[];
  /** Busybox commands beside the common ones. */
  readonly applets: readonly string[];
  /** What they depend on follows by itself. */
  readonly modules: readonly string[];
  /** The first process. */
  readonly init: Buffer;
}

/** The part that all of our memory file systems share: folders, devices, busybox, drivers, a DHCP client, the power button. */
export async function startTree(root: string, start: TreeStart): Promise<CpioTree> {
  const tree: CpioTree = new Map();
  const program = (path: string, data: Buffer) => tree.set(path, { type: 'file', data, mode: 0o755 });
  for (const folder of ['dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'sbin', ...start.folders]) tree.set(folder, { type: 'directory' });
  tree.set('dev/console', { type: 'character-device', major: 5, minor: 1 });
  tree.set('dev/null', { type: 'character-device', major: 1, minor: 3, mode: 0o666 });
  await addBusybox(tree, root, [...COMMON_APPLETS, ...start.applets]);
  await addKernelModules(tree, root, start.release, start.modules);
  program('init', start.init);
  program('etc/udhcpc.script', await readFile(UDHCPC_SCRIPT));
  program('etc/acpi/PWRF/00000080', Buffer.from(ON_POWER_BUTTON));
  return tree;
}

/** busybox under `bin/` and a link for each command in `applets`. */
async function addBusybox(tree: CpioTree, root: string, applets: readonly string[]): Promise<void> {
  tree.set('bin/busybox', { type: 'file', data: await readFile(join(root, 'bin/busybox')), mode: 0o755 });
  for (const applet of applets) tree.set(`bin/${applet}`, { type: 'link', target: 'busybox' });
}

const moduleName = (fileOrName: string) => fileOrName.replace(/\.ko$/, '').replaceAll('-', '_');

async function listModules(root: string, release: string): Promise<Map<string, string>> {
  const base = join(root, 'lib/modules', release);
  const files = await readdir(join(base, 'kernel'), { recursive: true });
  return new Map(files.filter((file) => file.endsWith('.ko')).map((file) => [moduleName(file.split('/').at(-1)!), join('kernel', file)]));
}

async function listBuiltIn(root: string, release: string): Promise<Set<string>> {
  const text = await readFile(join(root, 'lib/modules', release, 'modules.builtin'), 'utf8');
  return new Set(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => moduleName(line.split('/').at(-1)!)),
  );
}

/** The one kernel below `root`. */
export async function findKernel(root: string): Promise<{ readonly release: string; readonly image: Buffer }> {
  const name = (await readdir(join(root, 'boot'))).find((file) => file.startsWith('vmlinuz-'));
  if (!name) throw new Error('the kernel package holds no vmlinuz');
  return { release: name.slice('vmlinuz-'.length), image: await readFile(join(root, 'boot', name)) };
}

/**
 * Adds the wanted modules, what they depend on, and the `modules.dep` and `modules.alias` that busybox's modprobe reads.
 * A name that this kernel does not have is an error, so that the list cannot rot.
 */
async function addKernelModules(tree: CpioTree, root: string, release: string, wanted: readonly string[]): Promise<void> {
  const files = await listModules(root, release);
  const builtIn = await listBuiltIn(root, release);
  const depends = new Map<string, readonly string[]>();
  const aliases: string[] = [];
  const waiting = wanted.map(moduleName);
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (depends.has(name) || builtIn.has(name)) continue;
    const file = files.get(name);
    if (!file) throw new Error(`kernel ${release} has no module ${name}`);
    const data = await readFile(join(root, 'lib/modules', release, file));
    const info = readModuleInfo(data);
    if (isMalformed(info)) throw new Error(`${file}: ${info.reason}`);
    const needs = info
      .filter(([key]) => key === 'depends')
      .flatMap(([, value]) => value.split(','))
      .filter(Boolean)
      .map(moduleName);
    depends.set(name, needs);
    for (const [key, value] of info) if (key === 'alias') aliases.push(`alias ${value} ${name}\n`);
    tree.set(`lib/modules/${release}/${file}`, { type: 'file', data });
    waiting.push(...needs);
  }
  const closure = (name: string, seen: string[]): string[] => {
    for (const need of depends.get(name) ?? []) if (depends.has(need) && !seen.includes(need)) closure(need, seen).push(need);
    return seen;
  };
  // Nearest dependency first, as depmod writes it: modprobe loads the line from its end.
  const lines = [...depends.keys()].map((name) =>
    `${files.get(name)}: ${closure(name, [])
      .reverse()
      .map((need) => files.get(need))
      .join(' ')}`.trimEnd(),
  );
  tree.set(`lib/modules/${release}/modules.dep`, { type: 'file', data: Buffer.from(`${lines.sort().join('\n')}\n`) });
  tree.set(`lib/modules/${release}/modules.alias`, { type: 'file', data: Buffer.from(aliases.sort().join('')) });
  tree.set(`lib/modules/${release}/modules.symbols`, { type: 'file', data: Buffer.alloc(0) });
}
