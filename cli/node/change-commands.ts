import type { Command } from 'commander';
import type { JsonObject } from '../../core/base/json.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { connect, nodePath, nodeSubcommand, parseAssignments, show, type NodeFlags } from './node-connection.ts';

/** The commands that change what is known of a node, not the machine: create, set, delete, maintenance. */
export const changeCommands = (terminal: Terminal): Command[] => [
  createCommand(terminal),
  setCommand(terminal),
  deleteCommand(terminal),
  maintenanceCommand(terminal),
];

const collect = (value: string, before: string[]) => [...before, value];

interface FieldFlags {
  readonly driverInfo: string[];
  readonly property: string[];
  readonly instanceInfo: string[];
}

const withFields = (command: Command): Command =>
  command
    .option('--driver-info <key=value>', 'for the BMC, such as ipmi_address=10.0.0.5; more than once', collect, [])
    .option('--property <key=value>', 'what the machine is; more than once', collect, [])
    .option('--instance-info <key=value>', 'what is to run on it; more than once', collect, []);

const createCommand = (terminal: Terminal): Command =>
  withFields(nodeSubcommand('create <name>', 'enroll a machine by hand'))
    .requiredOption('--driver <name>', 'ipmi, redfish or fake-hardware')
    .option('--resource-class <name>', 'which flavors it fits')
    .option('--port <mac>', 'a NIC that boots from the network; more than once', collect, [])
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright node create rack1-u7 --driver ipmi --driver-info ipmi_address=10.0.0.5 --driver-info ipmi_username=admin \\
      --driver-info ipmi_password=… --port 52:54:00:12:34:56 --data data`,
    )
    .action(async (name: string, flags: NodeFlags & FieldFlags & { driver: string; resourceClass?: string; port: string[] }) => {
      const client = await connect(flags);
      const node = await client.call('POST', '/nodes', {
        name,
        driver: flags.driver,
        driver_info: parseAssignments(flags.driverInfo),
        properties: parseAssignments(flags.property),
        instance_info: parseAssignments(flags.instanceInfo),
        ...(flags.resourceClass === undefined ? {} : { resource_class: flags.resourceClass }),
      });
      try {
        for (const address of flags.port) await client.call('POST', '/ports', { node_uuid: node['uuid'], address });
      } catch (error) {
        await client.call('DELETE', nodePath(String(node['uuid'])));
        throw error;
      }
      await show(
        terminal,
        flags,
        node,
        () => `${name} is ${String(node['provision_state'])} (${String(node['uuid'])}); next: rackwright node manage ${name}`,
      );
    });

const setCommand = (terminal: Terminal): Command =>
  withFields(nodeSubcommand('set <node>', 'change what is known of a node'))
    .option('--name <name>', 'another one')
    .option('--driver <name>', 'ipmi, redfish or fake-hardware')
    .option('--resource-class <name>', 'which flavors it fits')
    .option('--description <text>', 'for people')
    .action(
      async (
        id: string,
        flags: NodeFlags & FieldFlags & { name?: string; driver?: string; resourceClass?: string; description?: string },
      ) => {
        const whole = { name: flags.name, driver: flags.driver, resource_class: flags.resourceClass, description: flags.description };
        const parts = { driver_info: flags.driverInfo, properties: flags.property, instance_info: flags.instanceInfo };
        const patch = [
          ...Object.entries(whole).flatMap(([field, value]) => (value === undefined ? [] : [{ op: 'add', path: `/${field}`, value }])),
          ...Object.entries(parts).flatMap(([field, words]) =>
            Object.entries(parseAssignments(words)).map(([key, value]) => ({ op: 'add', path: `/${field}/${key}`, value })),
          ),
        ];
        if (patch.length === 0) throw new CommandError('nothing to set', EXIT_CODE.usage, 'see: rackwright node set --help');
        const node = await (await connect(flags)).call('PATCH', nodePath(id), patch);
        await show(terminal, flags, node, () => `${id}: ${patch.map(({ path }) => path.slice(1)).join(', ')} set`);
      },
    );

const deleteCommand = (terminal: Terminal): Command =>
  nodeSubcommand('delete <node>', 'forget a machine; its disks stay as they are').action(async (id: string, flags: NodeFlags) => {
    await (await connect(flags)).call('DELETE', nodePath(id));
    await show(terminal, flags, { deleted: id }, () => `${id} is forgotten`);
  });

const maintenanceCommand = (terminal: Terminal): Command =>
  nodeSubcommand('maintenance <node> <on|off>', 'take a node out of service, or back')
    .option('--reason <text>', 'why, for whoever looks at it later')
    .action(async (id: string, state: string, flags: NodeFlags & { reason?: string }) => {
      if (state !== 'on' && state !== 'off') throw new CommandError(`maintenance is on or off, not ${state}`, EXIT_CODE.usage);
      const client = await connect(flags);
      const body: JsonObject | undefined = flags.reason === undefined ? {} : { reason: flags.reason };
      if (state === 'on') await client.call('PUT', `${nodePath(id)}/maintenance`, body);
      else await client.call('DELETE', `${nodePath(id)}/maintenance`);
      await show(terminal, flags, { node: id, maintenance: state === 'on' }, () => `${id}: maintenance is ${state}`);
    });
