import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runCommand } from './native-command.ts';

/**
 * Debian packages as ingredients: resolved against the system's own apt sources, downloaded and unpacked into a folder,
 * never installed on the host. Where a package came from does not enter any artefact: packages are known by name, version
 * and digest only.
 */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly fileName: string;
  readonly digest: string;
}

/** Debian's names of what its packages, and our agent, are made for. */
export type DebianArchitecture = 'amd64' | 'arm64';

interface Apt {
  /** Before every command of apt's. */
  readonly options: readonly string[];
  readonly listsDirectory: string;
}

/**
 * The host's own apt for its own architecture. Packages of another one have an apt with lists of its own in the cache: the same sources and keys, and the host
 * does not become a multi-architecture system for a ramdisk.
 */
async function aptFor(architecture: DebianArchitecture, cacheDirectory: string): Promise<Apt> {
  if (architecture === (process.arch === 'arm64' ? 'arm64' : 'amd64')) return { options: [], listsDirectory: '/var/lib/apt/lists' };
  const root = join(cacheDirectory, `apt-${architecture}`);
  const [state, archives] = [join(root, 'state'), join(root, 'cache')];
  await mkdir(join(state, 'lists/partial'), { recursive: true });
  await mkdir(join(archives, 'archives/partial'), { recursive: true });
  await writeFile(join(state, 'status'), '', { flag: 'a' });
  const set = (name: string, value: string) => ['-o', `${name}=${value}`];
  return {
    options: [
      ...set('APT::Architecture', architecture),
      ...set('APT::Architectures', architecture),
      ...set('Dir::State', state),
      ...set('Dir::State::status', join(state, 'status')),
      ...set('Dir::Cache', archives),
    ],
    listsDirectory: join(state, 'lists'),
  };
}

/** Changes when `apt-get update` brought something new; costs some stat calls where asking apt costs a second. */
async function fingerprintOf({ options, listsDirectory }: Apt, names: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(listsDirectory).catch(() => [])).sort()) {
    const facts = await stat(join(listsDirectory, name)).catch(() => undefined);
    if (facts?.isFile() && name !== 'lock') hash.update(`${name} ${facts.size} ${facts.mtimeMs}\n`);
  }
  return hash
    .update([...options, ...[...names].sort()].join(' '))
    .digest('hex')
    .slice(0, 32);
}

async function askApt({ options }: Apt, names: readonly string[]): Promise<DebianPackage[]> {
  const print = () => runCommand('apt-get', ['-qq', ...options, '--print-uris', 'download', ...names]);
  const text = await print().catch(async () => {
    await runCommand('apt-get', ['-qq', ...options, 'update']);
    return print();
  });
  return text
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, fileName = '', , digest = ''] = line.split(' ');
      const [name = '', version = ''] = basename(fileName, '.deb').split('_');
      return { name, version: decodeURIComponent(version), fileName, digest };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** The versions that apt would install today. Remembered until the package lists change. */
export async function resolvePackages(
  names: readonly string[],
  cacheDirectory: string,
  architecture: DebianArchitecture = 'amd64',
): Promise<DebianPackage[]> {
  const text = await remembered(names, cacheDirectory, architecture, 'json', async (apt) =>
    JSON.stringify(await askApt(apt, names), null, 1),
  );
  return JSON.parse(text) as DebianPackage[];
}

/** `linux-image-amd64` only depends on the package with the kernel in it: answers that one's name. */
export async function resolveKernelPackage(
  metaPackage: string,
  cacheDirectory: string,
  architecture: DebianArchitecture = 'amd64',
): Promise<string> {
  return remembered([metaPackage], cacheDirectory, architecture, 'kernel', async ({ options }) => {
    const show = () => runCommand('apt-cache', [...options, 'show', '--no-all-versions', metaPackage]);
    const text = await show().catch(async () => {
      await runCommand('apt-get', ['-qq', ...options, 'update']);
      return show();
    });
    const name = /^Depends: (linux-image-[^ ,]+)/m.exec(text.toString())?.[1];
    if (!name) throw new Error(`apt knows no kernel behind ${metaPackage}; check the system's package sources`);
    return name;
  });
}

async function remembered(
  names: readonly string[],
  cacheDirectory: string,
  architecture: DebianArchitecture,
  kind: string,
  ask: (apt: Apt) => Promise<string>,
): Promise<string> {
  const apt = await aptFor(architecture, cacheDirectory);
  const record = async () => join(cacheDirectory, 'resolved', `${await fingerprintOf(apt, names)}.${kind}`);
  const known = await readFile(await record(), 'utf8').catch(() => undefined);
  if (known) return known;
  const answer = await ask(apt);
  await mkdir(join(cacheDirectory, 'resolved'), { recursive: true });
  // apt-get update may have run in between: remembered under what the lists are now.
  await writeFile(await record(), answer);
  return answer;
}

/** Downloads the packages and unpacks them into one new folder below `cacheDirectory`; a second call finds them there. */
export async function unpackPackages(
  packages: readonly DebianPackage[],
  cacheDirectory: string,
  architecture: DebianArchitecture = 'amd64',
): Promise<string> {
  const key = createHash('sha256')
    .update(packages.map((p) => `${p.fileName} ${p.digest}`).join('\n'))
    .digest('hex');
  const root = join(cacheDirectory, 'unpacked', key.slice(0, 32));
  if (await stat(root).catch(() => undefined)) return root;
  const downloads = join(cacheDirectory, 'packages');
  const partial = `${root}.${process.pid}.partial`;
  await mkdir(downloads, { recursive: true });
  await mkdir(partial, { recursive: true });
  const missing: DebianPackage[] = [];
  for (const p of packages) if (!(await stat(join(downloads, p.fileName)).catch(() => undefined))) missing.push(p);
  // apt checks signatures and digests; it runs as root without its sandbox user here, since the folder is ours.
  if (missing.length > 0) {
    const { options } = await aptFor(architecture, cacheDirectory);
    const names = missing.map((p) => p.name);
    await runCommand('apt-get', ['-qq', ...options, '-o', 'APT::Sandbox::User=root', 'download', ...names], { cwd: downloads });
  }
  for (const p of packages) await runCommand('dpkg', ['-x', join(downloads, p.fileName), partial]);
  await rename(partial, root).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true });
    if (!(await stat(root).catch(() => undefined))) throw error;
  });
  return root;
}
