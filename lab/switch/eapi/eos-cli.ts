import { LLDP_TIME_TO_LIVE_SECONDS, type LeafSwitch } from '../leaf-switch.ts';
import {
  carryOut,
  channelName,
  configurationOf,
  FRESH,
  isChannel,
  readAllowed,
  type LeafConfiguration,
  type Switchport,
} from './leaf-configuration.ts';
import { showChannels, showPort, showRunning, vlanName } from './eos-show.ts';

/*
 * The command line of EOS as far as a leaf switch needs it: what it is, its switch ports, its neighbours, and configuration, at once or in sessions that are
 * committed as a whole. Errors have the words of EOS.
 */
export interface EosCli {
  /** One session from its start; the first command that fails ends it. */
  run(commands: readonly string[]): CliOutcome;
  /** What a power cycle does: what was not written is lost. */
  restart(): void;
}

export interface CliOutcome {
  readonly results: readonly object[];
  /** Of the command behind those that have results. */
  readonly error?: { readonly summary: string; readonly reasons: readonly string[] };
}

class Refusal extends Error {
  readonly summary: string;
  constructor(summary: string, reason: string) {
    super(reason);
    this.summary = summary;
  }
}

/** As EOS: sessions that were neither committed nor aborted. */
const PENDING_SESSIONS_MAX = 5;
const MODEL = 'vEOS-lab';
const VERSION = '4.30.1F';

interface Draft {
  vlans: Set<number>;
  ports: Map<string, Switchport>;
}

/** Where a command line is: the modes that it is in, outermost first. */
interface Line {
  isPrivileged: boolean;
  /** What the commands change; undefined: nothing. */
  draft: Draft | undefined;
  session: string | undefined;
  port: string | undefined;
  isInVlan: boolean;
}

interface Box {
  readonly leaf: LeafSwitch;
  running: LeafConfiguration;
  startup: LeafConfiguration;
  readonly sessions: Map<string, Draft>;
}

interface Command {
  readonly pattern: RegExp;
  readonly where: 'anywhere' | 'privileged' | 'configuring' | 'port';
  run(box: Box, line: Line, words: readonly string[]): object | void;
}

const copy = ({ vlans, ports }: LeafConfiguration): Draft => ({ vlans: new Set(vlans), ports: new Map(ports) });
const command = (where: Command['where'], pattern: RegExp, run: Command['run']): Command => ({ pattern, where, run });

function makeRunning(box: Box, draft: Draft): void {
  box.running = copy(draft);
  carryOut(box.leaf, box.running);
}

const change =
  (values: (word: string) => Partial<Switchport> | undefined): Command['run'] =>
  (_box, line, [word = '']) => {
    const changed = values(word);
    if (changed === undefined) throw new Refusal('invalid command', `Invalid input (at token 4: '${word}')`);
    line.draft!.ports.set(line.port!, { ...line.draft!.ports.get(line.port!)!, ...changed });
  };

const SHOW: readonly Command[] = [
  command('anywhere', /^show version$/, ({ leaf }) => ({
    modelName: MODEL,
    version: VERSION,
    systemMacAddress: leaf.chassisMac,
    mfgName: 'Arista',
  })),
  command('anywhere', /^show hostname$/, ({ leaf }) => ({ hostname: leaf.name, fqdn: leaf.name })),
  command('anywhere', /^show interfaces switchport$/, ({ running }) => ({
    switchports: Object.fromEntries([...running.ports].map(([name, port]) => [name, showPort(port)])),
  })),
  command('anywhere', /^show port-channel(?: dense| summary)?$/, ({ running }) => showChannels(running)),
  command('privileged', /^show running-config$/, ({ running }) => showRunning(running)),
  command('anywhere', /^show vlan$/, ({ running }) => ({
    vlans: Object.fromEntries([...running.vlans].map((vlan) => [vlan, { name: vlanName(vlan), status: 'active' }])),
  })),
  command('anywhere', /^show lldp neighbors$/, ({ leaf }) => ({
    lldpNeighbors: leaf.ports().flatMap((port) => {
      const there = port.neighbour();
      const ttl = LLDP_TIME_TO_LIVE_SECONDS;
      return there === undefined ? [] : [{ port: port.name, neighborDevice: there.systemName, neighborPort: there.portId, ttl }];
    }),
  })),
];

const SESSIONS: readonly Command[] = [
  command('privileged', /^configure session (\S+)$/, ({ running, sessions }, line, [name]) => {
    if (!sessions.has(name!) && sessions.size >= PENDING_SESSIONS_MAX)
      throw new Refusal(
        'could not run command',
        'Maximum number of pending sessions has been reached. Please commit or abort previous sessions before creating a new one.',
      );
    const draft = sessions.get(name!) ?? copy(running);
    sessions.set(name!, draft);
    Object.assign(line, { draft, session: name });
  }),
  command('privileged', /^no configure session (\S+)$/, ({ sessions }, _line, [name]) => void sessions.delete(name!)),
  command('configuring', /^commit$/, (box, line) => {
    if (line.session === undefined) throw new Refusal('invalid command', "Invalid input (at token 0: 'commit')");
    makeRunning(box, line.draft!);
    box.sessions.delete(line.session);
    leave(line);
  }),
  command('configuring', /^abort$/, (box, line) => {
    box.sessions.delete(line.session ?? '');
    leave(line);
  }),
];

const leave = (line: Line) => Object.assign(line, { draft: undefined, session: undefined, port: undefined, isInVlan: false });

const CONFIGURE: readonly Command[] = [
  command('anywhere', /^enable$/, (_box, line) => void (line.isPrivileged = true)),
  command('privileged', /^configure(?: terminal)?$/, (box, line) => void (line.draft = copy(box.running))),
  command('privileged', /^(?:write memory|copy running-config startup-config)$/, (box) => void (box.startup = copy(box.running))),
  command('configuring', /^exit$/, (_box, line) => {
    if (line.port === undefined && !line.isInVlan) leave(line);
    else Object.assign(line, { port: undefined, isInVlan: false });
  }),
  command('configuring', /^end$/, (_box, line) => void leave(line)),
  command('configuring', /^vlan (\d+)$/, (_box, line, [vlan]) => {
    if (Number(vlan) < 1 || Number(vlan) > 4094) throw new Refusal('invalid command', `Invalid input (at token 1: '${vlan}')`);
    line.draft!.vlans.add(Number(vlan));
    Object.assign(line, { port: undefined, isInVlan: true });
  }),
  command('configuring', /^no vlan (\d+)$/, (_box, line, [vlan]) => void line.draft!.vlans.delete(Number(vlan))),
  command('configuring', /^interface Port-Channel(\d+)$/, (_box, line, [number]) => {
    const name = channelOf(number!);
    const { ports } = line.draft!;
    if (!ports.has(name)) ports.set(name, FRESH);
    Object.assign(line, { port: name, isInVlan: false });
  }),
  command('configuring', /^no interface (Port-Channel\d+)$/, (_box, line, [name]) => {
    const { ports } = line.draft!;
    ports.delete(name!);
    for (const [member, { channel, ...own }] of ports)
      if (channel !== undefined && channelName(channel.number) === name) ports.set(member, own);
  }),
  command('configuring', /^interface (\S+)$/, (_box, line, [name]) => {
    if (!line.draft!.ports.has(name!)) throw new Refusal('could not run command', `Interface ${name} does not exist`);
    Object.assign(line, { port: name, isInVlan: false });
  }),
  command('port', /^switchport$/, () => undefined),
  command('port', /^channel-group (\d+) mode (active|passive|on)$/, (_box, line, [number, mode]) => {
    const { draft, port } = line;
    const name = channelOf(number!);
    if (isChannel(port!)) throw new Refusal('invalid command', "Invalid input (at token 0: 'channel-group')");
    const others = [...draft!.ports].filter(([other, { channel }]) => other !== port && channel?.number === Number(number));
    if (others.some(([, { channel }]) => (channel!.mode === 'on') !== (mode === 'on')))
      throw new Refusal('could not run command', `Cannot change mode; remove all members and try again.`);
    if (!draft!.ports.has(name)) draft!.ports.set(name, FRESH);
    draft!.ports.set(port!, { ...draft!.ports.get(port!)!, channel: { number: Number(number), mode: mode as 'active' } });
  }),
  command('port', /^no channel-group$/, (_box, line) => {
    const { channel: _gone, ...own } = line.draft!.ports.get(line.port!)!;
    line.draft!.ports.set(line.port!, own);
  }),
  command('port', /^no port-channel lacp fallback$/, (_box, line) => {
    const { fallback: _gone, ...own } = line.draft!.ports.get(line.port!)!;
    line.draft!.ports.set(line.port!, own);
  }),
  command(
    'port',
    /^port-channel lacp fallback (static|individual)$/,
    change((fallback) => ({ fallback: fallback as 'static' })),
  ),
  command(
    'port',
    /^switchport mode (\S+)$/,
    change((mode) => (mode === 'access' || mode === 'trunk' ? { mode } : undefined)),
  ),
  command(
    'port',
    /^switchport access vlan (\d+)$/,
    change((vlan) => ({ access: Number(vlan) })),
  ),
  command(
    'port',
    /^switchport trunk native vlan (\d+)$/,
    change((vlan) => ({ native: Number(vlan) })),
  ),
  command(
    'port',
    /^no switchport trunk allowed vlan$/,
    change(() => ({ allowed: 'all' })),
  ),
  command(
    'port',
    /^switchport trunk allowed vlan (\S+)$/,
    change((text) => {
      const allowed = readAllowed(text);
      return allowed === undefined ? undefined : { allowed };
    }),
  ),
];

const CHANNEL_NUMBER_MAX = 2000;

function channelOf(number: string): string {
  if (Number(number) < 1 || Number(number) > CHANNEL_NUMBER_MAX)
    throw new Refusal('invalid command', `Invalid input (at token 1: '${number}')`);
  return channelName(Number(number));
}

const COMMANDS = [...SHOW, ...SESSIONS, ...CONFIGURE];

const isAllowed = ({ where }: Command, line: Line): boolean =>
  where === 'anywhere' ||
  (where === 'privileged' && line.isPrivileged) ||
  (where === 'configuring' && line.draft !== undefined) ||
  (where === 'port' && line.port !== undefined);

function obey(box: Box, line: Line, text: string): object {
  for (const each of COMMANDS) {
    const match = each.pattern.exec(text.trim());
    if (match === null || !isAllowed(each, line)) continue;
    const result = each.run(box, line, match.slice(1)) ?? {};
    // Without a session every command is in force at once.
    if (line.draft !== undefined && line.session === undefined) makeRunning(box, line.draft);
    return result;
  }
  throw new Refusal('invalid command', `Invalid input (at token 0: '${text.trim().split(' ')[0]}')`);
}

export function createEosCli(leaf: LeafSwitch): EosCli {
  const start = configurationOf(leaf);
  const box: Box = { leaf, running: start, startup: start, sessions: new Map() };
  carryOut(leaf, start);
  return {
    run(commands) {
      const line: Line = { isPrivileged: false, draft: undefined, session: undefined, port: undefined, isInVlan: false };
      const results: object[] = [];
      for (const text of commands) {
        try {
          results.push(obey(box, line, text));
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          return { results, error: { summary: error.summary, reasons: [error.message] } };
        }
      }
      return { results };
    },
    restart() {
      box.sessions.clear();
      makeRunning(box, copy(box.startup));
    },
  };
}
