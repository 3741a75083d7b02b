import { Command, InvalidArgumentError, Option } from 'commander';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { bmcFaults, rackFaultsOf } from '../../lab/choose-faults.ts';
import { startBmcFleet, type BmcFleet, type BmcFleetSettings } from '../../lab/bmc/bmc-fleet.ts';
import { findProfile, VENDOR_PROFILES } from '../../lab/bmc/vendor-profile.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { startProgress } from '../terminal/progress.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { jsonOption, writeJson } from '../terminal/write-json.ts';

/** Emulated BMCs with simulated machines behind them, until SIGINT or SIGTERM. */
interface LabBmcOptions {
  readonly count: number;
  readonly listen: string;
  readonly protocol: BmcFleetSettings['protocol'];
  readonly ipmiPort: number;
  readonly redfishPort: number;
  readonly username?: string;
  readonly password?: string;
  readonly json?: string | true;
  readonly fault?: readonly string[];
  readonly profile?: string;
  readonly seed: number;
}

/** More would not fit an IPv4 loopback's usual file limits, nor any rack room that we know. */
const COUNT_MAX = 20_000;
/** A terminal is no place for thousands of lines. */
const ROWS_SHOWN_MAX = 20;
/** Sockets that listen for good; a Redfish session or an IPMI console takes more while it lasts. */
const FILES_PER_BMC = { ipmi: 1, redfish: 1, both: 2 } as const;
const FILES_BESIDES = 300;

const wholeNumber = (minimum: number, maximum: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < minimum || value > maximum)
    throw new InvalidArgumentError(`Give a whole number from ${minimum} to ${maximum}.`);
  return value;
};

const ipv4Address = (text: string) => {
  if (ipv4ToNumber(text) === undefined) throw new InvalidArgumentError('Give an IPv4 address, for example 127.7.0.1.');
  return text;
};

const openFilesLimit = () => {
  const limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return limit === undefined || limit === 'unlimited' ? Infinity : Number(limit);
};

/** Node raises its soft limit to the hard one at its start; beyond that one only root gets. */
async function raiseOpenFilesLimit(needed: number): Promise<void> {
  if (openFilesLimit() >= needed) return;
  await promisify(execFile)('prlimit', ['--pid', String(process.pid), `--nofile=${needed}:${needed}`]).catch(() => {});
  if (openFilesLimit() >= needed) return;
  throw new CommandError(
    `${needed} open files are needed, the limit is ${openFilesLimit()}`,
    EXIT_CODE.failed,
    `as root: prlimit --pid $$ --nofile=${needed}:${needed}, then again in the same shell`,
  );
}

function faultSettings({ fault: words = [], seed }: LabBmcOptions): Pick<BmcFleetSettings, 'faults' | 'faultSeed'> {
  const names = words.flatMap((text) => text.split(',')).map((name) => name.trim());
  if (names.length === 0) return {};
  const known = bmcFaults();
  const unknown = names.filter((name) => !known.some((fault) => fault.name === name));
  if (unknown.length > 0)
    throw new CommandError(
      `no such fault of a BMC: ${unknown.map((name) => JSON.stringify(name)).join(', ')}`,
      EXIT_CODE.usage,
      `there are: ${known.map(({ name }) => name).join(', ')}`,
    );
  const chosen = known.filter(({ name }) => names.includes(name));
  return { faults: rackFaultsOf(chosen).bmc!, faultSeed: seed };
}

function fleetSettings(options: LabBmcOptions): BmcFleetSettings {
  return {
    ...faultSettings(options),
    ...(options.profile === undefined ? {} : { profile: findProfile(options.profile)! }),
    count: options.count,
    firstAddress: options.listen,
    protocol: options.protocol,
    ipmiPort: options.ipmiPort,
    redfishPort: options.redfishPort,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
  };
}

const START_FAILURES: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'give a --listen address that this host has; all of 127.0.0.0/8 works',
  EADDRINUSE: 'something listens there already; choose another --listen address or other ports',
  EACCES: 'ports below 1024 need root; give --ipmi-port and --redfish-port',
};

async function startFleet(options: LabBmcOptions): Promise<BmcFleet> {
  const settings = fleetSettings(options);
  try {
    return await startBmcFleet(settings);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new CommandError(message, EXIT_CODE.failed, START_FAILURES[code ?? '']);
  }
}

function describe(fleet: BmcFleet, terminal: Terminal): string {
  const bmcs = fleet.list();
  const table = formatTable(
    bmcs.slice(0, ROWS_SHOWN_MAX),
    [
      { title: 'address', value: ({ address }) => address },
      { title: 'IPMI port', value: ({ ipmiPort }) => String(ipmiPort ?? '-'), align: 'right' },
      { title: 'Redfish', value: ({ redfish }) => redfish ?? '-' },
      { title: 'user', value: ({ username }) => username },
      { title: 'password', value: ({ password }) => password },
    ],
    terminal.columns,
  );
  const more = bmcs.length - ROWS_SHOWN_MAX;
  return more > 0 ? `${table}… and ${more} more\n` : table;
}

async function runFleet(terminal: Terminal, options: LabBmcOptions): Promise<void> {
  await raiseOpenFilesLimit(options.count * FILES_PER_BMC[options.protocol] + FILES_BESIDES);
  // Listened for before the start, so that a start can be broken off.
  const stopAsked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const progress = startProgress(terminal, Date.now);
  progress.show(`starting ${options.count} BMC${options.count === 1 ? '' : 's'}`);
  let fleet: BmcFleet;
  try {
    fleet = await startFleet(options);
  } finally {
    progress.end();
  }
  try {
    if (options.json !== undefined) {
      const bmcs = fleet
        .list()
        .map(({ address, username, password, redfish, ipmiPort }) => ({ address, username, password, redfish, ipmiPort }));
      await writeJson(terminal, options.json, { bmcs }, 0o600);
    }
    if (options.json !== true) terminal.out(describe(fleet, terminal));
    terminal.err('up; Ctrl-C ends it');
    await stopAsked;
  } finally {
    await fleet.stop();
  }
}

export function labBmcCommand(terminal: Terminal): Command {
  const port = wholeNumber(0, 65_535);
  return new Command('bmc')
    .description('emulated BMCs with simulated machines, on consecutive addresses, for any client to be tried on')
    .requiredOption('--count <n>', 'how many', wholeNumber(1, COUNT_MAX))
    .requiredOption('--listen <address>', 'first IPv4 address; all of 127.0.0.0/8 is this host', ipv4Address)
    .addOption(new Option('--protocol <name>', 'what they speak').choices(['ipmi', 'redfish', 'both']).default('both'))
    .option('--ipmi-port <n>', '0 takes any free one', port, 623)
    .option('--redfish-port <n>', '0 takes any free one', port, 443)
    .option('--username <name>', 'account on each (default: admin)')
    .option('--password <text>', 'its password (default: a random one)')
    .option('--fault <name...>', 'how they misbehave: names or a comma list, from `rackwright lab --fault list`')
    .addOption(new Option('--profile <vendor>', "whose BMC's habits they show").choices(VENDOR_PROFILES.map(({ name }) => name)))
    .option('--seed <n>', 'the draws of what goes wrong', wholeNumber(0, 2 ** 31), 1)
    .addOption(jsonOption('{"bmcs": [{"address", "username", "password", "redfish", "ipmiPort"}]}, to the file or to standard output'))
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright lab bmc --count 1 --listen 127.7.0.1 --password secret
  $ ipmitool -I lanplus -C 17 -H 127.7.0.1 -U admin -P secret chassis status
  $ rackwright lab bmc --count 5 --listen 127.7.1.1 --fault bmc-slow,bmc-drops-packets --seed 7
  $ rackwright lab bmc --count 3500 --listen 127.8.0.1 --protocol ipmi --ipmi-port 6230 --json bmcs.json`,
    )
    .action((options: LabBmcOptions) => runFleet(terminal, options));
}
