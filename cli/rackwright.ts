import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditCommand } from './commands/audit-command.ts';
import { benchCommand } from './commands/bench-command.ts';
import { bootCommand } from './commands/boot-command.ts';
import { imageCommand } from './commands/image-command.ts';
import { labCommand } from './commands/lab-command.ts';
import { nodeCommand } from './commands/node-command.ts';
import { openrcCommand } from './commands/openrc-command.ts';
import { ramdiskCommand } from './commands/ramdisk-command.ts';
import { serveCommand } from './commands/serve-command.ts';
import { simulateCommand } from './commands/simulate-command.ts';
import { testCommand } from './commands/test-command.ts';
import { CommandError, EXIT_CODE } from './terminal/exit-code.ts';
import { processTerminal } from './terminal/terminal.ts';

/** The program: one command per file in `commands/`; how each ends is in `terminal/exit-code.ts`. */
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string };

const program = new Command('rackwright')
  .description('A bare-metal-first cloud: machines from powered off to a running operating system.')
  .version(version, '-V, --version', 'print the version')
  .helpCommand('help [command]', 'explain a command')
  .showSuggestionAfterError()
  // An option belongs to the command it stands behind: `lab --json a` and `lab bmc --json b` are two.
  .enablePositionalOptions()
  .addHelpText(
    'after',
    `
Examples:
  $ rackwright lab bmc --count 3 --listen 127.7.0.1
  $ rackwright image build tiny
  $ rackwright test unit integration

Exit codes: 0 ok, 1 failed, 2 wrong command line, 3 no answer from the control plane or a device.`,
  );

for (const command of [
  auditCommand,
  benchCommand,
  bootCommand,
  imageCommand,
  labCommand,
  nodeCommand,
  openrcCommand,
  ramdiskCommand,
  serveCommand,
  simulateCommand,
  testCommand,
])
  program.addCommand(command(processTerminal));

/** Also for commands within commands, which commander leaves on their defaults. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwInsteadOfExit);
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'ENOTFOUND']);

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage;
  const { message, code } = error as NodeJS.ErrnoException;
  processTerminal.err(`${processTerminal.colour('red', 'error:')} ${message}`);
  if (error instanceof CommandError) {
    if (error.nextAction !== undefined) processTerminal.err(`next:  ${error.nextAction}`);
    return error.exitCode;
  }
  if (process.env['RACKWRIGHT_DEBUG']) processTerminal.err(String((error as Error).stack));
  return UNREACHABLE.has(code ?? '') ? EXIT_CODE.unreachable : EXIT_CODE.failed;
}

// A reader that went away (`rackwright … | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_CODE.ok);
  throw error;
});

throwInsteadOfExit(program);
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
