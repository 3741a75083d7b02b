import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { JsonObject } from '../../core/base/json.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { connect, nodePath, nodeSubcommand, show, type NodeFlags } from './node-connection.ts';

interface KeyFlags extends NodeFlags {
  readonly add?: string;
  readonly certificate?: string;
  readonly sha256?: string;
  readonly owner?: string;
  readonly remove?: string;
}

/** What its firmware lets start: the databases of UEFI Secure Boot, entry by entry. */
export const secureBootKeysCommand = (terminal: Terminal): Command =>
  nodeSubcommand('secure-boot-keys <node>', 'which keys its firmware trusts, and which it does not')
    .addOption(new Option('--add <database>', 'puts a certificate or a hash there').choices(['PK', 'KEK', 'db', 'dbx']).conflicts('remove'))
    .option('--certificate <file>', 'in PEM')
    .addOption(new Option('--sha256 <hex>', 'of one program').conflicts('certificate'))
    .option('--owner <guid>', 'who put it there')
    .option('--remove <name>', 'takes the entry with this name away')
    .addHelpText(
      'after',
      `
What is changed takes effect when the machine starts.

Examples:
  $ rackwright node secure-boot-keys rack1-u7
  $ rackwright node secure-boot-keys rack1-u7 --add db --certificate our-kernels.pem
  $ rackwright node secure-boot-keys rack1-u7 --remove db/certificate-3`,
    )
    .action(async (id: string, flags: KeyFlags) => {
      const path = `${nodePath(id)}/secure_boot_keys`;
      const key = await keyOf(flags);
      if (flags.remove !== undefined && !/^[^/]+\/[^/]+$/.test(flags.remove))
        throw new CommandError(`--remove takes a name as the list has it, such as db/certificate-3, not ${flags.remove}`, EXIT_CODE.usage);
      const client = await connect(flags);
      if (key !== undefined) await client.call('POST', path, key);
      if (flags.remove !== undefined) await client.call('DELETE', `${path}/${flags.remove.split('/').map(encodeURIComponent).join('/')}`);
      const told = await client.call('GET', path);
      await show(terminal, flags, told, () =>
        formatTable(
          told['secure_boot_keys'] as JsonObject[],
          [
            { title: 'name', value: ({ name }) => String(name) },
            { title: 'what', value: ({ subject, sha256 }) => String(subject ?? sha256 ?? '-') },
            { title: 'until', value: ({ ends_at: until }) => String(until ?? '-') },
            { title: 'owner', value: ({ owner }) => String(owner ?? '-') },
          ],
          terminal.columns,
        ),
      );
    });

/** @throws CommandError when there is a database and nothing to put there, or the reverse */
async function keyOf({ add, certificate, sha256, owner }: KeyFlags): Promise<JsonObject | undefined> {
  if ((add === undefined) !== (certificate === undefined && sha256 === undefined))
    throw new CommandError('--add wants --certificate or --sha256, and each of them wants --add', EXIT_CODE.usage);
  if (add === undefined && owner !== undefined) throw new CommandError('--owner wants --add', EXIT_CODE.usage);
  if (add === undefined) return undefined;
  const what = certificate === undefined ? { sha256: sha256! } : { certificate: await readFile(certificate, 'utf8') };
  return { database: add, ...what, ...(owner === undefined ? {} : { owner }) };
}
