import { Command } from 'commander';
import type { Terminal } from '../terminal/terminal.ts';
import { labBmcCommand } from './lab-bmc-command.ts';

export function labCommand(terminal: Terminal): Command {
  return new Command('lab').description('a virtual rack').helpCommand(false).enablePositionalOptions().addCommand(labBmcCommand(terminal));
}
