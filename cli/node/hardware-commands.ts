import { type Command, InvalidArgumentError, Option } from 'commander';
import type { JsonObject } from '../../core/base/json.ts';
import { secureBootKeysCommand } from './secure-boot-keys-command.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { connect, nodePath, nodeSubcommand, show, type NodeFlags } from './node-connection.ts';

/** The commands that ask a BMC for what only it can do: power limit, thresholds, watchdog, where the screen is, who gets in over the network. */
export const hardwareCommands = (terminal: Terminal): Command[] => [
  powerLimitCommand(terminal),
  thresholdsCommand(terminal),
  watchdogCommand(terminal),
  screenCommand(terminal),
  loginCommand(terminal),
  secureBootKeysCommand(terminal),
];

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It is a whole number above 0.');
  return value;
};

const powerLimitCommand = (terminal: Terminal): Command =>
  nodeSubcommand('power-limit <node>', 'how much power its BMC lets it draw')
    .addOption(new Option('--watts <n>', 'no more than this').argParser(wholeNumber))
    .addOption(new Option('--off', 'no limit').conflicts('watts'))
    .addHelpText('after', '\nExamples:\n  $ rackwright node power-limit rack1-u7\n  $ rackwright node power-limit rack1-u7 --watts 350')
    .action(async (id: string, flags: NodeFlags & { watts?: number; off?: true }) => {
      const client = await connect(flags);
      if (flags.watts !== undefined) await client.call('PUT', `${nodePath(id)}/power_limit`, { watts: flags.watts });
      if (flags.off === true) await client.call('DELETE', `${nodePath(id)}/power_limit`);
      const { power } = (await client.call('GET', `${nodePath(id)}/sensors`)) as {
        power: { watts: number; limit_watts: number | null } | null;
      };
      await show(terminal, flags, { power }, () =>
        power === null
          ? 'its BMC does not measure power'
          : `${power.watts} W now, ${power.limit_watts === null ? 'without a limit' : `at most ${power.limit_watts} W`}`,
      );
    });

const LEVELS = ['lower-fatal', 'lower-critical', 'lower-caution', 'upper-caution', 'upper-critical', 'upper-fatal'] as const;
const keyOf = (level: (typeof LEVELS)[number]) => level.replace('-', '_');

const anyNumber = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is a number.');
  return value;
};

const thresholdsCommand = (terminal: Terminal): Command => {
  const command = nodeSubcommand('thresholds <node> <sensor>', 'from which values on its BMC calls a sensor not well');
  for (const level of LEVELS) command.addOption(new Option(`--${level} <value>`, "in the sensor's unit").argParser(anyNumber));
  return command
    .addHelpText(
      'after',
      "\nExamples:\n  $ rackwright node thresholds rack1-u7 'CPU Temp'\n  $ rackwright node thresholds rack1-u7 'CPU Temp' --upper-caution 80 --upper-critical 90",
    )
    .action(async (id: string, sensor: string, flags: NodeFlags & Record<string, unknown>) => {
      const client = await connect(flags);
      const wanted = LEVELS.flatMap((level) => {
        const value = flags[level.replace(/-(.)/, (_all, letter: string) => letter.toUpperCase())];
        return value === undefined ? [] : [[keyOf(level), value as number] as const];
      });
      if (wanted.length > 0) await client.call('PUT', `${nodePath(id)}/sensor_thresholds`, { sensor, ...Object.fromEntries(wanted) });
      const { sensors } = await client.call('GET', `${nodePath(id)}/sensors`);
      const found = (sensors as JsonObject[]).find(({ name }) => name === sensor);
      if (found === undefined)
        throw new CommandError(
          `its BMC has no sensor that is called ${sensor}`,
          EXIT_CODE.failed,
          `there are: ${(sensors as JsonObject[]).map(({ name }) => String(name)).join(', ')}`,
        );
      await show(terminal, flags, found, () =>
        LEVELS.map((level) => `${level.padEnd(15)} ${String((found['thresholds'] as JsonObject)[keyOf(level)] ?? '-')}`).join('\n'),
      );
    });
};

const watchdogCommand = (terminal: Terminal): Command =>
  nodeSubcommand('watchdog <node>', 'what its BMC does when nobody sets its watchdog again in time')
    .addOption(new Option('--seconds <n>', 'starts it: the action comes so much later').argParser(wholeNumber))
    .addOption(new Option('--action <what>', 'default: reset').choices(['none', 'reset', 'power_off', 'power_cycle']))
    .addOption(new Option('--off', 'nothing happens any more').conflicts('seconds'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ rackwright node watchdog rack1-u7\n  $ rackwright node watchdog rack1-u7 --seconds 120 --action power_cycle',
    )
    .action(async (id: string, flags: NodeFlags & { seconds?: number; action?: string; off?: true }) => {
      if (flags.action !== undefined && flags.seconds === undefined)
        throw new CommandError('--action wants --seconds: when it comes', EXIT_CODE.usage);
      const client = await connect(flags);
      if (flags.seconds !== undefined)
        await client.call('PUT', `${nodePath(id)}/watchdog`, { seconds: flags.seconds, action: flags.action ?? 'reset' });
      if (flags.off === true) await client.call('DELETE', `${nodePath(id)}/watchdog`);
      const told = await client.call('GET', `${nodePath(id)}/watchdog`);
      await show(terminal, flags, told, () =>
        told['running'] === true
          ? `${String(told['action'])} in ${String(told['seconds_left'])} s (set by ${String(told['use'])})`
          : 'it does not run',
      );
    });

const screenCommand = (terminal: Terminal): Command =>
  nodeSubcommand('screen <node>', 'where a person finds its screen and keyboard').action(async (id: string, flags: NodeFlags) => {
    const told = await (await connect(flags)).call('GET', `${nodePath(id)}/graphical_console`);
    const kinds = (told['kinds'] as string[]).join(', ');
    await show(
      terminal,
      flags,
      told,
      () => `${String(told['page'])}${kinds === '' ? '' : ` (${kinds})`}${told['enabled'] === true ? '' : ', switched off'}`,
    );
  });

interface CipherSuite {
  readonly suite: number;
  readonly privilege: string;
  readonly weak: boolean;
}

const loginCommand = (terminal: Terminal): Command =>
  nodeSubcommand('bmc-login <node>', 'how its BMC lets in who comes over the network by IPMI')
    .option('--close-weak', 'nobody by cipher suites that prove no password, or do not sign and encrypt')
    .addHelpText('after', '\nExamples:\n  $ rackwright node bmc-login rack1-u7 --close-weak')
    .action(async (id: string, flags: NodeFlags & { closeWeak?: true }) => {
      const client = await connect(flags);
      const path = `${nodePath(id)}/management/bmc_login`;
      if (flags.closeWeak === true) await client.call('PUT', path, { close_weak_cipher_suites: true });
      const told = await client.call('GET', path);
      const suites = told['cipher_suites'] as unknown as CipherSuite[];
      await show(terminal, flags, told, () =>
        [
          `logins ${String(told['access'])}, up to ${String(told['privilege_limit'])}`,
          formatTable(
            suites,
            [
              { title: 'cipher suite', value: ({ suite }) => String(suite), align: 'right' },
              { title: 'up to', value: ({ privilege }) => (privilege === 'none' ? 'closed' : privilege) },
              {
                title: 'weak',
                value: ({ privilege, weak }) => (weak ? (privilege === 'none' ? 'yes' : 'yes: --close-weak closes it') : ''),
              },
            ],
            terminal.columns,
          ),
        ].join('\n'),
      );
    });
