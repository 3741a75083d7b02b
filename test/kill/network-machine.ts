import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { seededRandom } from '../../core/base/random.ts';
import { decodeBootParameters } from '../../deploy-agent/agent/control/boot-parameters-codec.ts';
import { ControlPlaneClient } from '../../deploy-agent/agent/control/control-plane-client.ts';
import { LogShipper } from '../../deploy-agent/agent/control/log-shipper.ts';
import { ReportJournal } from '../../deploy-agent/agent/control/report-journal.ts';
import { Session, type SessionEnd } from '../../deploy-agent/agent/control/session.ts';
import type { Disks } from '../../deploy-agent/agent/disks/disk.ts';
import { resolveImageUrl } from '../../deploy-agent/agent/image/image-url-policy.ts';
import type { Inventory } from '../../deploy-agent/protocol.ts';
import { createSimulatedMachine, type SimulatedMachine } from '../../lab/bmc/simulated-machine.ts';
import { FakeFirmware, noPartitions } from '../agent/machine.ts';
import { openKcsBmcDevice } from './kcs-bmc-device.ts';

/*
 * A machine whose hardware is simulated and whose software is real: its power is behind an emulated BMC, it asks the boot
 * plane for its iPXE script over HTTP, and what then runs is the deploy agent's own session over disks that are files.
 */
export interface NetworkMachineSettings {
  readonly name: string;
  readonly mac: string;
  readonly inventory: Inventory;
  readonly disks: Disks;
  /** `http://H:P` of the boot plane. */
  readonly bootServer: string;
  readonly directory: string;
  readonly kcsSocketPath: string;
}

export interface NetworkMachine extends SimulatedMachine {
  /** Lines that the agent printed, over all boots. */
  readonly printed: readonly string[];
  /** What runs now: `off`, `firmware`, `agent`, `disk`. */
  running(): string;
  /** Pulls the plug for good. */
  close(): void;
}

const ASK_AGAIN_MS = 300;

export function createNetworkMachine(settings: NetworkMachineSettings): NetworkMachine {
  const machine = createSimulatedMachine({ name: settings.name });
  const printed: string[] = [];
  let plug = new AbortController();
  let running = 'off';
  let boots = 0;

  const start = (device: string) => {
    plug.abort(new Error('powered off'));
    plug = new AbortController();
    const { signal } = plug;
    boots += 1;
    running = 'firmware';
    const say = (text: string) => void (signal.aborted || (running = text));
    bootFrom(device, settings, { signal, printed, say, ramDirectory: join(settings.directory, `ram-${boots}`) }).catch((error: unknown) => {
      if (!signal.aborted) printed.push(`the machine fell over: ${(error as Error).stack}`);
    });
  };
  machine.onPowerChange((state) => {
    if (state === 'on') return;
    plug.abort(new Error('powered off'));
    running = 'off';
  });
  return {
    ...machine,
    printed,
    running: () => running,
    kcsSocketPath: settings.kcsSocketPath,
    async powerOn(boot) {
      if (machine.powerState() === 'on') return;
      await machine.powerOn(boot);
      start(boot.device);
    },
    async reset(boot) {
      if (machine.powerState() === 'off') return;
      await machine.reset(boot);
      start(boot.device);
    },
    close: () => plug.abort(new Error('the rig is over')),
  };
}

interface Boot {
  readonly signal: AbortSignal;
  readonly printed: string[];
  readonly ramDirectory: string;
  say(what: string): void;
}

async function bootFrom(device: string, settings: NetworkMachineSettings, boot: Boot): Promise<void> {
  if (device === 'disk') return boot.say('disk');
  for (;;) {
    boot.signal.throwIfAborted();
    const commandLine = await askForKernel(settings, boot.signal);
    if (commandLine === 'disk') return boot.say('disk');
    if (commandLine !== undefined) {
      boot.say('agent');
      if ((await runAgent(commandLine, settings, boot)) === 'stopped') return boot.say('agent stopped');
      boot.say('firmware');
    }
    await systemClock.sleep(ASK_AGAIN_MS, boot.signal);
  }
}

/** The kernel's command line; `disk` when the script leaves the network; undefined: ask again. */
async function askForKernel(settings: NetworkMachineSettings, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await fetch(`${settings.bootServer}/boot/ipxe?mac=${settings.mac}&platform=pcbios`, { signal });
    const script = await answer.text();
    if (/^sanboot/m.test(script)) return 'disk';
    const [, kernel, commandLine] = /^kernel (\S+) (.*) \|\|/m.exec(script) ?? [];
    if (kernel === undefined || commandLine === undefined) return undefined;
    const kernelAnswer = await fetch(kernel, { method: 'HEAD', signal });
    return kernelAnswer.ok ? commandLine : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function runAgent(commandLine: string, settings: NetworkMachineSettings, boot: Boot): Promise<SessionEnd> {
  const parameters = decodeBootParameters(commandLine);
  if (isMalformed(parameters)) throw new Error(parameters.reason);
  await mkdir(boot.ramDirectory, { recursive: true });
  const client = new ControlPlaneClient(parameters.api, parameters.pin, parameters.token);
  const session = new Session({
    client,
    clock: systemClock,
    random: seededRandom(1),
    logs: new LogShipper(systemClock, (text) => void boot.printed.push(text)),
    journal: new ReportJournal(join(boot.ramDirectory, 'reports.json')),
    agentVersion: 'kill-loop',
    bootMac: parameters.bootMac,
    signal: boot.signal,
    ...(parameters.nodeUuid === undefined ? {} : { nodeUuid: parameters.nodeUuid }),
    stepContext: {
      disks: settings.disks,
      firmware: new FakeFirmware('bios'),
      partitions: noPartitions,
      openBmc: () => openKcsBmcDevice(settings.kcsSocketPath),
      collectInventory: async () => ({ ...settings.inventory, disks: await settings.disks.list() }),
      imageUrl: (url) => resolveImageUrl(url, parameters)!,
    },
  });
  try {
    return await session.run();
  } finally {
    client.close();
    await rm(boot.ramDirectory, { recursive: true, force: true });
  }
}
