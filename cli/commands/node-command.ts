import { Command } from 'commander';
import type { Terminal } from '../terminal/terminal.ts';
import { commissionCommands } from '../node/commission-commands.ts';
import { consoleCommand } from '../node/console-command.ts';
import { changeCommands } from '../node/change-commands.ts';
import { hardwareCommands } from '../node/hardware-commands.ts';
import { lookCommands } from '../node/look-commands.ts';
import { workCommands } from '../node/work-commands.ts';

/** Nodes from the command line: what an operator does at 3 a.m. */
export function nodeCommand(terminal: Terminal): Command {
  const node = new Command('node')
    .description('machines: list, look into, and change them')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright node list --data data
  $ rackwright node explain machine-1 --data data
  $ rackwright node timeline machine-1 --follow --data data
  $ rackwright node power machine-1 off --wait --data data
  $ rackwright node deploy machine-1 --image debian.raw.zst --sha256 … --key ~/.ssh/id_ed25519.pub --wait --data data`,
    );
  const groups = [lookCommands, hardwareCommands, changeCommands, workCommands, commissionCommands].map((make) => make(terminal));
  for (const command of [...groups.flat(), consoleCommand(terminal)]) node.addCommand(command);
  return node;
}
