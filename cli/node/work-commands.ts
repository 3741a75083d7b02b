import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import type { JsonObject } from '../../core/base/json.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { awaitNode, type AwaitOptions, WAIT_OPTION, waitSeconds } from './await-node.ts';
import { connect, nodePath, nodeSubcommand, show, type NodeFlags } from './node-connection.ts';

/** The commands that put work on a machine: its power, and every verb of its life. */
interface WorkFlags extends NodeFlags {
  readonly wait?: string | true;
}

const POWER_TARGET: Readonly<Record<string, string>> = {
  on: 'power on',
  off: 'power off',
  reboot: 'rebooting',
  'soft-off': 'soft power off',
  'soft-reboot': 'soft rebooting',
};

/** Verb → [target of the API, state in which the node settles, what it is for]. */
const PLAIN_VERBS: Readonly<Record<string, readonly [target: string, wanted: string | undefined, description: string]>> = {
  manage: ['manage', 'manageable', 'check the BMC and take the node under management'],
  inspect: ['inspect', 'manageable', 'boot the agent and look at the hardware'],
  provide: ['provide', 'available', 'clean the machine and offer it for deployment'],
  adopt: ['adopt', 'active', 'take a machine that runs already as it is'],
  undeploy: ['deleted', 'available', 'give the machine back: its instance is destroyed, its disks are cleaned'],
  abort: ['abort', undefined, 'stop what is in progress'],
  unrescue: ['unrescue', 'active', 'leave the rescue system and start the instance again'],
  unhold: ['unhold', undefined, 'go on after a hold'],
};

/** Who stops a cleaning wants the state `clean failed`. */
const ENDS: Readonly<Record<string, Pick<AwaitOptions, 'failure'>>> = { abort: { failure: 'none' } };

export const workCommands = (terminal: Terminal): Command[] => [
  powerCommand(terminal),
  ...Object.keys(PLAIN_VERBS).map((verb) => plainVerbCommand(terminal, verb)),
  stepsCommand(terminal, 'clean', 'manageable', 'do clean steps by hand'),
  stepsCommand(terminal, 'service', 'active', 'do steps on an active machine, which then starts its instance again'),
  rotatePasswordCommand(terminal),
  replaceCertificateCommand(terminal),
  rescueCommand(terminal),
  deployCommand(terminal, 'deploy', 'active', 'write an image and boot it'),
  deployCommand(terminal, 'rebuild', 'rebuild', 'write an image anew; the node keeps its instance'),
];

/** Asks for the work and, with `--wait`, follows it. */
async function ask(
  terminal: Terminal,
  flags: WorkFlags,
  id: string,
  work: { path: string; body: JsonObject; name: string } & Pick<AwaitOptions, 'wanted' | 'failure'>,
): Promise<void> {
  const seconds = waitSeconds(flags.wait);
  const client = await connect(flags);
  await client.call('PUT', `${nodePath(id)}${work.path}`, work.body);
  if (seconds === undefined) {
    return show(
      terminal,
      flags,
      { accepted: true },
      () => `${id}: ${work.name} was accepted; follow it with: rackwright node timeline ${id} --follow`,
    );
  }
  const { path: _path, body: _body, name: _name, ...ends } = work;
  const node = await awaitNode(terminal, client, id, { seconds, ...ends });
  if (flags.json === true) await show(terminal, flags, node, () => '');
}

const powerCommand = (terminal: Terminal): Command =>
  nodeSubcommand('power <node> <action>', `switch the power: ${Object.keys(POWER_TARGET).join(', ')}`)
    .option(...WAIT_OPTION)
    .action(async (id: string, action: string, flags: WorkFlags) => {
      const target = POWER_TARGET[action];
      if (target === undefined)
        throw new CommandError(
          `no power action is called ${action}`,
          EXIT_CODE.usage,
          `choose one of: ${Object.keys(POWER_TARGET).join(', ')}`,
        );
      await ask(terminal, flags, id, { path: '/states/power', body: { target }, name: target, failure: 'last_error' });
    });

const rotatePasswordCommand = (terminal: Terminal): Command =>
  nodeSubcommand('rotate-bmc-password <node>', "give its BMC's account a new password, which nobody but the control plane knows")
    .option(...WAIT_OPTION)
    .action(async (id: string, flags: WorkFlags) => {
      await ask(terminal, flags, id, {
        path: '/management/bmc_password',
        body: {},
        name: 'a new password for its BMC',
        failure: 'last_error',
      });
    });

const replaceCertificateCommand = (terminal: Terminal): Command =>
  nodeSubcommand('replace-bmc-certificate <node>', "make a new certificate for its BMC's web server, and trust that one alone")
    .option('--key-of-bmc', 'the BMC makes the key and keeps it; the authority of the configuration signs, or ours')
    .option(...WAIT_OPTION)
    .action(async (id: string, flags: WorkFlags & { keyOfBmc?: boolean }) => {
      const body = flags.keyOfBmc === true ? { key: 'bmc' } : {};
      await ask(terminal, flags, id, {
        path: '/management/bmc_certificate',
        body,
        name: 'a new certificate for its BMC',
        failure: 'last_error',
      });
    });

function plainVerbCommand(terminal: Terminal, verb: string): Command {
  const [target, wanted, description] = PLAIN_VERBS[verb]!;
  return nodeSubcommand(`${verb} <node>`, description)
    .option(...WAIT_OPTION)
    .action((id: string, flags: WorkFlags) =>
      ask(terminal, flags, id, {
        path: '/states/provision',
        body: { target },
        name: verb,
        ...ENDS[verb],
        ...(wanted === undefined ? {} : { wanted }),
      }),
    );
}

const stepsCommand = (terminal: Terminal, verb: 'clean' | 'service', wanted: string, description: string): Command =>
  nodeSubcommand(`${verb} <node>`, description)
    .option(
      '--step <interface.step>',
      'such as deploy.erase_devices; more than once, in this order',
      (word: string, before: string[]) => [...before, word],
      [],
    )
    .option(...WAIT_OPTION)
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright node ${verb} machine-1 --step deploy.erase_devices_metadata --wait --data data
  $ rackwright node ${verb} machine-1 --step 'power.wait={"seconds":30}' --step power.hold --data data`,
    )
    .action(async (id: string, flags: WorkFlags & { step: string[] }) => {
      const steps = flags.step.map(parseStep);
      if (steps.length === 0) throw new CommandError(`${verb} wants at least one --step`, EXIT_CODE.usage);
      await ask(terminal, flags, id, { path: '/states/provision', body: { target: verb, [`${verb}_steps`]: steps }, wanted, name: verb });
    });

const rescueCommand = (terminal: Terminal): Command =>
  nodeSubcommand('rescue <node>', 'boot a system in memory that lets the user "rescue" in over SSH')
    .requiredOption('--password-file <file>', 'its first line is the password; - reads standard input')
    .option(...WAIT_OPTION)
    .addHelpText('after', '\nExamples:\n  $ rackwright node rescue machine-1 --password-file secret.txt --wait --data data')
    .action(async (id: string, flags: WorkFlags & { passwordFile: string }) => {
      const text = await readFile(flags.passwordFile === '-' ? '/dev/stdin' : flags.passwordFile, 'utf8');
      const password = text.split(/\r?\n/)[0]!;
      await ask(terminal, flags, id, {
        path: '/states/provision',
        body: { target: 'rescue', rescue_password: password },
        wanted: 'rescue',
        name: 'rescue',
      });
    });

/** `interface.step`, or `interface.step={…arguments as JSON…}`. */
function parseStep(word: string): JsonObject {
  const [, of, step, args] = /^([a-z]+)\.(\w+)(?:=(.*))?$/s.exec(word) ?? [];
  if (of === undefined || step === undefined) throw new CommandError(`${word} is not INTERFACE.STEP`, EXIT_CODE.usage);
  try {
    return { interface: of, step, ...(args === undefined ? {} : { args: JSON.parse(args) as JsonObject }) };
  } catch (error) {
    throw new CommandError(`the arguments of ${of}.${step} are no JSON: ${(error as Error).message}`, EXIT_CODE.usage);
  }
}

interface DeployFlags extends WorkFlags {
  readonly image?: string;
  readonly sha256?: string;
  readonly key?: string;
  readonly hostname?: string;
  readonly userData?: string;
}

const deployCommand = (terminal: Terminal, name: string, target: string, description: string): Command =>
  nodeSubcommand(`${name} <node>`, description)
    .option('--image <file|url>', 'an image on the boot server, or its URL; without it, what instance_info says')
    .option('--sha256 <hex>', 'of the file as it is served')
    .option('--key <file>', 'public SSH key for the config drive')
    .option('--user-data <file>', 'for cloud-init, into the config drive')
    .option('--hostname <name>', "default: the node's name")
    .option(...WAIT_OPTION)
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright node ${name} machine-1 --image debian.raw.zst --sha256 … --key ~/.ssh/id_ed25519.pub --wait --data data`,
    )
    .action(async (id: string, flags: DeployFlags) => {
      if ((flags.image === undefined) !== (flags.sha256 === undefined))
        throw new CommandError('--image and --sha256 go together: an image that can not be checked is not written', EXIT_CODE.usage);
      if (flags.image !== undefined) {
        const value = { image_source: flags.image, image_os_hash_algo: 'sha256', image_os_hash_value: flags.sha256 };
        await (await connect(flags)).call('PATCH', nodePath(id), [{ op: 'add', path: '/instance_info', value }]);
      }
      const text = async (path: string) => (await readFile(path, 'utf8')).trimEnd();
      const keys = flags.key === undefined ? {} : { public_keys: { key: await text(flags.key) } };
      const userData = flags.userData === undefined ? {} : { user_data: await text(flags.userData) };
      const configdrive = { meta_data: { hostname: flags.hostname ?? id, ...keys }, ...userData };
      await ask(terminal, flags, id, { path: '/states/provision', body: { target, configdrive }, wanted: 'active', name });
    });
