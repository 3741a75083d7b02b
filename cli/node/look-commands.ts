import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { JsonObject } from '../../core/base/json.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { bootPicture, bootText, type ShownBoot } from './boots-view.ts';
import { connect, nodePath, nodeSubcommand, show, type NodeFlags } from './node-connection.ts';
import { eventLine, followTimeline } from './follow-timeline.ts';

/** The commands that only look: list, show, timeline, boots, explain, sensors, parts, log, certificate. */
export const lookCommands = (terminal: Terminal): Command[] => [
  listCommand(terminal),
  showCommand(terminal),
  timelineCommand(terminal),
  bootsCommand(terminal),
  explainCommand(terminal),
  sensorsCommand(terminal),
  partsCommand(terminal),
  logCommand(terminal),
  certificateCommand(terminal),
];

const listCommand = (terminal: Terminal): Command =>
  nodeSubcommand('list', 'all nodes, a line each')
    .option('--state <state>', 'only nodes in this provision state')
    .option('--driver <name>', 'only nodes of this driver')
    .action(async (flags: NodeFlags & { state?: string; driver?: string }) => {
      const query = new URLSearchParams({
        also: 'waiting_for',
        ...(flags.state === undefined ? {} : { provision_state: flags.state }),
        ...(flags.driver === undefined ? {} : { driver: flags.driver }),
      });
      const client = await connect(flags);
      const nodes: JsonObject[] = [];
      for (let path: string | undefined = `/nodes/detail?${query}`; path !== undefined;) {
        const page = await client.call('GET', path);
        nodes.push(...(page['nodes'] as JsonObject[]));
        const next = page['next'] as string | undefined;
        path = next === undefined ? undefined : next.slice(next.indexOf('/v1/') + '/v1'.length);
      }
      await show(terminal, flags, nodes, () => listTable(nodes, terminal));
    });

const showCommand = (terminal: Terminal): Command =>
  nodeSubcommand('show <node>', 'everything the API tells of a node').action(async (id: string, flags: NodeFlags) => {
    const shown = await (await connect(flags)).call('GET', nodePath(id));
    await show(terminal, flags, shown, () =>
      formatTable(
        Object.entries(shown),
        [
          { title: 'field', value: ([name]) => name },
          { title: 'value', value: ([, value]) => (typeof value === 'string' ? value : JSON.stringify(value)) },
        ],
        terminal.columns,
      ),
    );
  });

const timelineCommand = (terminal: Terminal): Command =>
  nodeSubcommand('timeline <node>', "the machine's flight recorder")
    .option('--follow', 'stay, and print what happens as it happens')
    .option('--all', 'also what is only of use when looking for a bug')
    .action(async (id: string, flags: NodeFlags & { follow?: true; all?: true }) => {
      const client = await connect(flags);
      if (flags.follow === true) return followTimeline(terminal, client, id, flags);
      const timeline = await client.call('GET', `${nodePath(id)}/timeline?limit=5000`);
      await show(
        terminal,
        flags,
        timeline,
        () =>
          (timeline['events'] as JsonObject[])
            .filter((event) => flags.all === true || event['severity'] !== 'debug')
            .map(eventLine)
            .join('\n') || 'nothing has been recorded yet',
      );
    });

const bootsCommand = (terminal: Terminal): Command =>
  nodeSubcommand('boots <node>', 'its last boots, and how long each part of them took')
    .option('--limit <n>', 'how many', '10')
    .option('--picture <file>', 'write them as an SVG picture too')
    .action(async (id: string, flags: NodeFlags & { limit: string; picture?: string }) => {
      const told = await (await connect(flags)).call('GET', `${nodePath(id)}/boots?limit=${encodeURIComponent(flags.limit)}`);
      const boots = told['boots'] as unknown as ShownBoot[];
      if (flags.picture !== undefined) await writeFile(flags.picture, bootPicture(id, boots));
      await show(terminal, flags, told, () => bootText(boots));
    });

const explainCommand = (terminal: Terminal): Command =>
  nodeSubcommand('explain <node>', 'why it is as it is, and what happens next').action(async (id: string, flags: NodeFlags) => {
    const told = await (await connect(flags)).call('GET', `${nodePath(id)}/explain`);
    await show(terminal, flags, told, () => explainText(told));
  });

const sensorsCommand = (terminal: Terminal): Command =>
  nodeSubcommand('sensors <node>', 'what its BMC measures now').action(async (id: string, flags: NodeFlags) => {
    const told = await (await connect(flags)).call('GET', `${nodePath(id)}/sensors`);
    await show(terminal, flags, told, () =>
      formatTable(
        told['sensors'] as JsonObject[],
        [
          { title: 'sensor', value: (sensor) => String(sensor['name']) },
          { title: 'of', value: (sensor) => String(sensor['entity'] ?? '') },
          {
            title: 'value',
            value: (sensor) => (sensor['value'] === null ? '-' : `${String(sensor['value'])} ${String(sensor['unit'] ?? '')}`),
          },
          { title: 'health', value: (sensor) => String(sensor['health']) },
          { title: 'states', value: (sensor) => ((sensor['states'] ?? []) as string[]).join(', ') },
        ],
        terminal.columns,
      ),
    );
  });

const partsCommand = (terminal: Terminal): Command =>
  nodeSubcommand('parts <node>', "what it is made of, by its BMC's records").action(async (id: string, flags: NodeFlags) => {
    const told = await (await connect(flags)).call('GET', `${nodePath(id)}/parts`);
    await show(terminal, flags, told, () =>
      formatTable(
        told['parts'] as JsonObject[],
        [
          { title: 'kind', value: (part) => String(part['kind']) },
          { title: 'name', value: (part) => String(part['name']) },
          { title: 'of', value: (part) => String(part['entity'] ?? '') },
          { title: 'detail', value: (part) => String(part['detail'] ?? (part['contains'] as string[]).join(', ')) },
        ],
        terminal.columns,
      ),
    );
  });

const certificateCommand = (terminal: Terminal): Command =>
  nodeSubcommand('bmc-certificate <node>', 'what its BMC shows to who connects').action(async (id: string, flags: NodeFlags) => {
    const told = await (await connect(flags)).call('GET', `${nodePath(id)}/management/bmc_certificate`);
    await show(terminal, flags, told, () =>
      ['subject', 'issuer', 'valid_from', 'valid_until', 'sha256', 'pinned']
        .map((name) => `${name.padEnd(12)} ${String(told[name])}`)
        .join('\n'),
    );
  });

const logCommand = (terminal: Terminal): Command =>
  nodeSubcommand('log <node>', "its BMC's own log of the hardware")
    .option('--clear', 'empty it')
    .action(async (id: string, flags: NodeFlags & { clear?: true }) => {
      const client = await connect(flags);
      if (flags.clear === true) {
        await client.call('DELETE', `${nodePath(id)}/hardware_log`);
        return show(terminal, flags, { node: id, cleared: true }, () => `${id}: the log of its BMC is empty now`);
      }
      const told = await client.call('GET', `${nodePath(id)}/hardware_log`);
      await show(
        terminal,
        flags,
        told,
        () =>
          (told['entries'] as JsonObject[])
            .map(
              (entry) =>
                `${String(entry['at'] ?? 'no time').padEnd(25)} ${String(entry['severity']).padEnd(8)} ${String(entry['message'])}`,
            )
            .join('\n') || 'the log is empty',
      );
    });

const listTable = (nodes: readonly JsonObject[], terminal: Terminal): string =>
  formatTable(
    nodes,
    [
      { title: 'name', value: (node) => String(node['name'] ?? '') },
      { title: 'uuid', value: (node) => String(node['uuid']) },
      { title: 'driver', value: (node) => String(node['driver']) },
      { title: 'power', value: (node) => String(node['power_state'] ?? 'unknown') },
      { title: 'state', value: (node) => `${String(node['provision_state'])}${node['maintenance'] === true ? ' (maintenance)' : ''}` },
      { title: 'waits for', value: (node) => String((node['waiting_for'] as JsonObject | null)?.['what'] ?? node['last_error'] ?? '') },
    ],
    terminal.columns,
  );

function explainText(told: JsonObject): string {
  const steps = (told['steps'] as JsonObject[]).map(
    (step) => `  ${String(step['seconds']).padStart(7)} s  ${String(step['step'])} (${String(step['outcome'])})`,
  );
  const seen = Object.entries(told['last_seen'] as JsonObject).map(
    ([source, last]) => `  ${source.padEnd(8)} ${String((last as JsonObject)['at'])}  ${String((last as JsonObject)['message'])}`,
  );
  const ports = (told['switch_ports'] as string[]).map((line) => `  ${line}`);
  const warnings = (told['warnings'] as string[]).map((line) => `  ${line}`);
  const causes = (told['diagnosis'] as JsonObject[]).flatMap((one) => [
    `  ${String(one['cause'])} ${String(one['advice'])}`,
    ...(one['evidence'] as string[]).map((line) => `    ${line}`),
  ]);
  return [
    String(told['summary']),
    `The power state is ${String(told['power_known'])}.`,
    ...(causes.length ? ['', 'What the evidence tells:', ...causes] : []),
    ...(steps.length ? ['', 'Steps of the last flow:', ...steps] : []),
    ...(seen.length ? ['', 'Last seen:', ...seen] : []),
    ...(ports.length ? ['', 'Switch ports:', ...ports] : []),
    ...(warnings.length ? ['', 'Warnings:', ...warnings] : []),
  ].join('\n');
}
