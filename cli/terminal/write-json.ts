import { rename, writeFile } from 'node:fs/promises';
import type { Terminal } from './terminal.ts';

/** What `--json [file]` asks for: `true` is standard output. A file appears whole or not at all, so a script can wait for it. */
export async function writeJson(terminal: Terminal, target: string | true, value: unknown, mode = 0o644): Promise<void> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (target === true) return terminal.out(text);
  const partial = `${target}.${process.pid}.partial`;
  await writeFile(partial, text, { mode });
  await rename(partial, target);
}
