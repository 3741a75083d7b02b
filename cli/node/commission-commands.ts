import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import type { JsonObject } from '../../core/base/json.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { awaitNode, WAIT_OPTION, waitSeconds } from './await-node.ts';
import { connect, nodePath, nodeSubcommand, show, type NodeFlags } from './node-connection.ts';

/** Commissioning and test scripts: which there are, one more, a run, what came out. */
export const commissionCommands = (terminal: Terminal): Command[] => [
  scriptsCommand(terminal),
  addScriptCommand(terminal),
  commissionCommand(terminal),
  resultsCommand(terminal),
];

const column = (name: string, title = name) => ({ title, value: (row: JsonObject) => String(row[name] ?? '') });

const scriptsCommand = (terminal: Terminal): Command =>
  nodeSubcommand('scripts', 'commissioning and test scripts that machines can run').action(async (flags: NodeFlags) => {
    const { scripts } = await (await connect(flags)).call('GET', '/scripts');
    await show(terminal, flags, scripts, () =>
      formatTable(
        scripts as JsonObject[],
        [
          column('name'),
          column('type'),
          column('hardware'),
          { title: 'by default', value: (row) => (row['default'] === true ? 'yes' : '') },
          column('timeout', 'seconds'),
          column('title'),
        ],
        terminal.columns,
      ),
    );
  });

const addScriptCommand = (terminal: Terminal): Command =>
  nodeSubcommand('add-script <file>', 'upload a script; its head tells name, type and limits')
    .option('--replace', 'in place of the one of the same name')
    .action(async (file: string, flags: NodeFlags & { replace?: true }) => {
      const content = await readFile(file, 'utf8');
      const client = await connect(flags);
      const name = /^# name:\s*(\S+)/m.exec(content)?.[1] ?? '';
      const made =
        flags.replace === true
          ? await client.call('PUT', `/scripts/${encodeURIComponent(name)}`, { content })
          : await client.call('POST', '/scripts', { content });
      await show(
        terminal,
        flags,
        made,
        () => `${String(made['name'])} can be run: rackwright node commission NODE --script ${String(made['name'])}`,
      );
    });

const commissionCommand = (terminal: Terminal): Command =>
  nodeSubcommand('commission <node>', 'run commissioning and test scripts on a machine')
    .option('--script <name...>', 'these, in the order of their names; without it, those that run by default')
    .option(...WAIT_OPTION)
    .action(async (id: string, flags: NodeFlags & { script?: string[]; wait?: string | true }) => {
      const seconds = waitSeconds(flags.wait);
      const client = await connect(flags);
      await client.call('POST', `${nodePath(id)}/commission`, flags.script === undefined ? {} : { scripts: flags.script });
      if (seconds === undefined)
        return show(terminal, flags, { accepted: true }, () => `${id}: the scripts were accepted; then: rackwright node results ${id}`);
      const node = await awaitNode(terminal, client, id, { seconds, wanted: 'manageable' });
      if (flags.json === true) await show(terminal, flags, node, () => '');
    });

const resultsCommand = (terminal: Terminal): Command =>
  nodeSubcommand('results <node>', 'what the scripts of the last run said')
    .option('--script <name>', 'with its whole output')
    .option('--all', 'of all runs that are kept')
    .action(async (id: string, flags: NodeFlags & { script?: string; all?: true }) => {
      const client = await connect(flags);
      const query = flags.script === undefined ? '' : `?script=${encodeURIComponent(flags.script)}`;
      const all = (await client.call('GET', `${nodePath(id)}/script_results${query}`))['script_results'] as JsonObject[];
      const wanted = flags.all === true ? all : all.filter((result) => result['run'] === all[0]!['run']);
      const whole = await Promise.all(
        wanted.map((result) =>
          flags.script === undefined ? result : client.call('GET', `${nodePath(id)}/script_results/${String(result['uuid'])}`),
        ),
      );
      await show(terminal, flags, whole, () =>
        whole.length === 0
          ? `${flags.script ?? 'no script'} has ${flags.script === undefined ? '' : 'not '}run yet`
          : flags.script === undefined
            ? resultTable(whole, terminal)
            : whole.map(resultText).join('\n'),
      );
    });

const resultTable = (results: readonly JsonObject[], terminal: Terminal): string =>
  formatTable(
    results,
    [
      column('ended_at', 'ended'),
      column('script'),
      column('instance', 'on'),
      column('type'),
      column('status'),
      column('exit_status', 'exit'),
    ],
    terminal.columns,
  );

const resultText = (result: JsonObject): string =>
  [
    `${String(result['script'])}${result['instance'] === '' ? '' : ` on ${String(result['instance'])}`}: ${String(result['status'])}`,
    ...(result['result'] === null ? [] : [`result: ${JSON.stringify(result['result'])}`]),
    String(result['output']),
    String(result['error_output']),
  ]
    .filter((part) => part !== '')
    .join('\n');
