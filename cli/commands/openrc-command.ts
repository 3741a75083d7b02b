import { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';

export interface Administrator {
  readonly endpoint: string;
  readonly auth_url: string;
  readonly username: string;
  readonly password: string;
}

export async function readAdministrator(data: string): Promise<Administrator> {
  const path = join(data, 'administrator.json');
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT')
      throw new CommandError(
        `the data folder can not be read: ${cause.message}`,
        EXIT_CODE.failed,
        'be the user that `rackwright serve` runs as, or give the OS_… lines that `rackwright openrc` prints for that one',
      );
    throw new CommandError(
      `no control plane has run with this data folder: ${cause.message}`,
      EXIT_CODE.unreachable,
      `start one: rackwright serve --data ${data}`,
    );
  });
  return JSON.parse(text) as Administrator;
}

export const openrcCommand = (terminal: Terminal): Command =>
  new Command('openrc')
    .description('print the OS_… lines of the administrator, for OpenStack clients')
    .requiredOption('--data <dir>', 'data folder of the control plane')
    .addHelpText('after', '\nExamples:\n  $ eval "$(rackwright openrc --data data)" && openstack baremetal node list')
    .action(async ({ data }: { data: string }) => {
      const { auth_url: authUrl, username, password } = await readAdministrator(data);
      terminal.out(
        [
          'export OS_AUTH_TYPE=password',
          `export OS_AUTH_URL=${authUrl}`,
          `export OS_USERNAME=${username}`,
          `export OS_PASSWORD=${password}`,
          'export OS_PROJECT_NAME=admin',
          'export OS_USER_DOMAIN_NAME=Default',
          'export OS_PROJECT_DOMAIN_NAME=Default',
          'export OS_REGION_NAME=RegionOne',
          'export OS_IDENTITY_API_VERSION=3',
        ].join('\n'),
      );
    });
