import { Command } from 'commander';
import type { JsonObject } from '../../core/base/json.ts';
import { readAdministrator } from '../commands/openrc-command.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { writeJson } from '../terminal/write-json.ts';
import { loginBasic, loginWithPassword, type ProductClient } from './api-client.ts';

/** What every `node` command takes: where the control plane is, and in which form it answers. */
export interface NodeFlags {
  readonly data?: string;
  readonly json?: true;
}

/** Where to: `--data DIR` of a control plane on this machine, or the OS_… lines of `openrc`. */
export async function connect(flags: NodeFlags): Promise<ProductClient> {
  if (flags.data !== undefined) return loginBasic(await readAdministrator(flags.data));
  const { env } = process;
  const [username, password] = [env['OS_USERNAME'], env['OS_PASSWORD']];
  if (username && password && env['OS_AUTH_URL'])
    return loginWithPassword({
      authUrl: env['OS_AUTH_URL'],
      username,
      password,
      projectName: env['OS_PROJECT_NAME'] ?? 'admin',
      userDomainName: env['OS_USER_DOMAIN_NAME'] ?? 'Default',
      projectDomainName: env['OS_PROJECT_DOMAIN_NAME'] ?? 'Default',
    });
  if (username && password && env['OS_ENDPOINT']) return loginBasic({ endpoint: env['OS_ENDPOINT'], username, password });
  throw new CommandError('which control plane?', EXIT_CODE.usage, 'give --data DIR, or: eval "$(rackwright openrc --data DIR)"');
}

/** `usage` as in `power <node> <action>`. */
export function nodeSubcommand(usage: string, description: string): Command {
  const [name = '', ...words] = usage.split(' ');
  const command = new Command(name)
    .description(description)
    .option('--data <dir>', 'data folder of the control plane on this machine')
    .option('--json', 'print what the API answers');
  for (const word of words) command.argument(word);
  return command;
}

export const nodePath = (id: string): string => `/nodes/${encodeURIComponent(id)}`;

export const show = (terminal: Terminal, flags: NodeFlags, value: unknown, text: () => string): Promise<void> =>
  flags.json === true ? writeJson(terminal, true, value) : Promise.resolve(terminal.out(text()));

/** `key=value` words, values as JSON where they are JSON. */
export function parseAssignments(words: readonly string[]): JsonObject {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new CommandError(`${word} is not KEY=VALUE`, EXIT_CODE.usage);
      return [word.slice(0, at), parseValue(word.slice(at + 1))];
    }),
  );
}

function parseValue(text: string): JsonObject[string] {
  try {
    return JSON.parse(text) as JsonObject[string];
  } catch {
    return text;
  }
}
