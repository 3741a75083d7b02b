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

const APT_LISTS = '/var/lib/apt/lists';

/** Changes when `apt-get update` brought something new; costs some stat calls where asking apt costs a second. */
async function aptListsFingerprint(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(APT_LISTS).catch(() => [])).sort()) {
    const facts = await stat(join(APT_LISTS, name)).catch(() => undefined);
    if (facts?.isFile() && name !== 'lock') hash.update(`${name} ${facts.size} ${facts.mtimeMs}\n`);
  }
  return hash.digest('hex');
}

async function askApt(names: readonly string[]): Promise<DebianPackage[]> {
  const print = () => runCommand('apt-get', ['-qq', '--print-uris', 'download', ...names]);
  const text = await print().catch(async () => {
    await runCommand('apt-get', ['-qq', 'update']);
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
export async function resolvePackages(names: readonly string[], cacheDirectory: string): Promise<DebianPackage[]> {
  const key = createHash('sha256')
    .update(`${await aptListsFingerprint()} ${[...names].sort().join(' ')}`)
    .digest('hex');
  const record = join(cacheDirectory, 'resolved', `${key.slice(0, 32)}.json`);
  const known = await readFile(record, 'utf8').catch(() => undefined);
  if (known) return JSON.parse(known) as DebianPackage[];
  const packages = await askApt(names);
  // apt-get update may have run in between: remember under what the lists are now.
  const after = createHash('sha256')
    .update(`${await aptListsFingerprint()} ${[...names].sort().join(' ')}`)
    .digest('hex');
  await mkdir(join(cacheDirectory, 'resolved'), { recursive: true });
  await writeFile(join(cacheDirectory, 'resolved', `${after.slice(0, 32)}.json`), JSON.stringify(packages, null, 1));
  return packages;
}

/** `linux-image-amd64` only depends on the package with the kernel in it: answers that one's name. */
export async function resolveKernelPackage(metaPackage: string, cacheDirectory: string): Promise<string> {
  const key = createHash('sha256')
    .update(`${await aptListsFingerprint()} ${metaPackage}`)
    .digest('hex');
  const record = join(cacheDirectory, 'resolved', `kernel-${key.slice(0, 32)}.txt`);
  const known = await readFile(record, 'utf8').catch(() => undefined);
  if (known) return known;
  const show = () => runCommand('apt-cache', ['show', '--no-all-versions', metaPackage]);
  const text = await show().catch(async () => {
    await runCommand('apt-get', ['-qq', 'update']);
    return show();
  });
  const name = /^Depends: (linux-image-[^ ,]+)/m.exec(text.toString())?.[1];
  if (!name) throw new Error(`apt knows no kernel behind ${metaPackage}; check the system's package sources`);
  await mkdir(join(cacheDirectory, 'resolved'), { recursive: true });
  await writeFile(record, name);
  return name;
}

/** Downloads the packages and unpacks them into one new folder below `cacheDirectory`; a second call finds them there. */
export async function unpackPackages(packages: readonly DebianPackage[], cacheDirectory: string): Promise<string> {
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
  if (missing.length > 0)
    await runCommand('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...missing.map((p) => p.name)], { cwd: downloads });
  for (const p of packages) await runCommand('dpkg', ['-x', join(downloads, p.fileName), partial]);
  await rename(partial, root).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true });
    if (!(await stat(root).catch(() => undefined))) throw error;
  });
  return root;
}
