import { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import type { JsonObject } from '../../core/base/json.ts';
import { createProductClient, type ProductClient } from '../node/api-client.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { writeJson } from '../terminal/write-json.ts';
import { readAdministrator } from './openrc-command.ts';

/** Nodes from the command line. Where to: `--data DIR` of a control plane on this machine, or the OS_… lines of `openrc`. */
interface NodeFlags {
  readonly data?: string;
  readonly json?: true;
}

async function connect(flags: NodeFlags): Promise<ProductClient> {
  if (flags.data !== undefined) return createProductClient(await readAdministrator(flags.data));
  const { OS_ENDPOINT: endpoint, OS_USERNAME: username, OS_PASSWORD: password } = process.env;
  if (!endpoint || !username || !password)
    throw new CommandError('which control plane?', EXIT_CODE.usage, 'give --data DIR, or: eval "$(rackwright openrc --data DIR)"');
  return createProductClient({ endpoint, username, password });
}

const POWER_TARGET: Readonly<Record<string, string>> = {
  on: 'power on',
  off: 'power off',
  reboot: 'rebooting',
  'soft-off': 'soft power off',
  'soft-reboot': 'soft rebooting',
};

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
  $ rackwright node power machine-1 off --data data
  $ rackwright node deploy machine-1 --image debian.raw.zst --sha256 … --key ~/.ssh/id_ed25519.pub --data data`,
    );
  const add = (usage: string, description: string) => {
    const command = new Command(usage.split(' ')[0]!)
      .description(description)
      .option('--data <dir>', 'data folder of the control plane on this machine')
      .option('--json', 'print what the API answers');
    for (const word of usage.split(' ').slice(1)) command.argument(word);
    node.addCommand(command);
    return command;
  };
  const show = (flags: NodeFlags, value: unknown, text: () => string) =>
    flags.json === true ? writeJson(terminal, true, value) : Promise.resolve(terminal.out(text()));

  add('list', 'all nodes, a line each').action(async (flags: NodeFlags) => {
    const { nodes } = await (await connect(flags)).call('GET', '/nodes/detail');
    await show(flags, nodes, () => listTable(nodes as JsonObject[], terminal));
  });
  add('show <node>', 'everything the API tells of a node').action(async (id: string, flags: NodeFlags) => {
    const shown = await (await connect(flags)).call('GET', `/nodes/${encodeURIComponent(id)}`);
    await show(flags, shown, () =>
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
  add('timeline <node>', "the machine's flight recorder").action(async (id: string, flags: NodeFlags) => {
    const timeline = await (await connect(flags)).call('GET', `/nodes/${encodeURIComponent(id)}/timeline?limit=5000`);
    await show(flags, timeline, () =>
      (timeline['events'] as JsonObject[])
        .filter((event) => event['severity'] !== 'debug')
        .map((event) => `${String(event['at'])}  ${String(event['source']).padEnd(8)} ${String(event['message'])}`)
        .join('\n'),
    );
  });
  add('explain <node>', 'why it is as it is, and what happens next').action(async (id: string, flags: NodeFlags) => {
    const told = await (await connect(flags)).call('GET', `/nodes/${encodeURIComponent(id)}/explain`);
    await show(flags, told, () => explainText(told));
  });
  add('power <node> <action>', `switch the power: ${Object.keys(POWER_TARGET).join(', ')}`).action(
    async (id: string, action: string, flags: NodeFlags) => {
      const target = POWER_TARGET[action];
      if (target === undefined)
        throw new CommandError(
          `no power action is called ${action}`,
          EXIT_CODE.usage,
          `choose one of: ${Object.keys(POWER_TARGET).join(', ')}`,
        );
      await (await connect(flags)).call('PUT', `/nodes/${encodeURIComponent(id)}/states/power`, { target });
      await show(flags, { accepted: true }, () => `${id}: ${target} was accepted`);
    },
  );
  for (const verb of ['manage', 'inspect', 'provide', 'undeploy', 'abort'] as const) {
    add(`${verb} <node>`, `the verb "${verb}" of the Bare Metal API`).action(async (id: string, flags: NodeFlags) => {
      await (await connect(flags)).call('PUT', `/nodes/${encodeURIComponent(id)}/states/provision`, { target: verb });
      await show(flags, { accepted: true }, () => `${id}: ${verb} was accepted; follow it with: rackwright node explain ${id}`);
    });
  }
  add('deploy <node>', 'write an image and boot it')
    .requiredOption('--image <file|url>', 'an image on the boot server, or its URL')
    .requiredOption('--sha256 <hex>', 'of the file as it is served')
    .option('--key <file>', 'public SSH key for the config drive')
    .option('--hostname <name>', "default: the node's name")
    .action(async (id: string, flags: NodeFlags & { image: string; sha256: string; key?: string; hostname?: string }) => {
      const client = await connect(flags);
      const info = { image_source: flags.image, image_os_hash_algo: 'sha256', image_os_hash_value: flags.sha256 };
      await client.call('PATCH', `/nodes/${encodeURIComponent(id)}`, [{ op: 'add', path: '/instance_info', value: info }]);
      const keys = flags.key === undefined ? {} : { public_keys: { key: (await readFile(flags.key, 'utf8')).trim() } };
      await client.call('PUT', `/nodes/${encodeURIComponent(id)}/states/provision`, {
        target: 'active',
        configdrive: { meta_data: { hostname: flags.hostname ?? id, ...keys } },
      });
      await show(flags, { accepted: true }, () => `${id}: the deployment was accepted; follow it with: rackwright node explain ${id}`);
    });
  return node;
}

const listTable = (nodes: readonly JsonObject[], terminal: Terminal): string =>
  formatTable(
    nodes,
    [
      { title: 'name', value: (node) => String(node['name'] ?? '') },
      { title: 'uuid', value: (node) => String(node['uuid']) },
      { title: 'driver', value: (node) => String(node['driver']) },
      { title: 'power', value: (node) => String(node['power_state'] ?? 'unknown') },
      { title: 'state', value: (node) => String(node['provision_state']) },
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
  const warnings = (told['warnings'] as string[]).map((line) => `  ${line}`);
  return [
    String(told['summary']),
    ...(steps.length ? ['', 'Steps of the last flow:', ...steps] : []),
    ...(seen.length ? ['', 'Last seen:', ...seen] : []),
    ...(warnings.length ? ['', 'Warnings:', ...warnings] : []),
  ].join('\n');
}
