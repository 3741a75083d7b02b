import { accessSync, constants } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Terminal } from './terminal.ts';

/** `--json [file]`: a file that could not be written is refused before the work, not after it. */
export const jsonOption = (description: string, flags = '--json [file]'): Option =>
  new Option(flags, description).argParser((file: string) => {
    const folder = dirname(resolve(file));
    try {
      accessSync(folder, constants.W_OK);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw new InvalidArgumentError(`The folder ${folder} ${isMissing ? 'is not there' : 'cannot be written to'}.`);
    }
    return file;
  });

/** What `--json [file]` asks for: `true` is standard output. A file appears whole or not at all, so a script can wait for it. */
export async function writeJson(terminal: Terminal, target: string | true, value: unknown, mode = 0o644): Promise<void> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (target === true) return terminal.out(text);
  const partial = `${target}.${process.pid}.partial`;
  await writeFile(partial, text, { mode });
  await rename(partial, target);
}
