import { Command } from 'commander';
import { connect, show, type NodeFlags } from '../node/node-connection.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';

interface Told {
  readonly check: string;
  readonly count: number;
  readonly error: string | null;
  readonly found: readonly string[];
}

export const auditCommand = (terminal: Terminal): Command =>
  new Command('audit')
    .description('what should not be: rows, files, networks and allocations that are nobody’s, work that stands still')
    .option('--data <dir>', 'data folder of the control plane on this machine')
    .option('--settling <seconds>', 'leave out what is younger, as it may be on its way (default: 120)')
    .option('--json', 'print what the API answers')
    .addHelpText('after', '\nExit code 1 when there is any, or when something could not be looked at.')
    .action(async (flags: NodeFlags & { settling?: string }) => {
      const query = flags.settling === undefined ? '' : `?settling_seconds=${encodeURIComponent(flags.settling)}`;
      const told = await (await connect(flags)).call('GET', `/audit${query}`);
      const checks = told['checks'] as unknown as readonly Told[];
      await show(terminal, flags, told, () => checks.flatMap(lines).join('\n'));
      if (told['clean'] !== true) throw new CommandError('not everything is as it should be', EXIT_CODE.failed);
    });

const lines = ({ check, count, error, found }: Told): string[] => [
  error === null ? `${count} ${check}` : `? ${check}: ${error}`,
  ...found.map((one) => `    ${one}`),
  ...(count > found.length ? [`    … and ${count - found.length} more`] : []),
];
