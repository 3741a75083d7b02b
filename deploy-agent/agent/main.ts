import { readFileSync } from 'node:fs';
import { systemClock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { systemRandom } from '../../core/base/random.ts';
import { ramdiskPartitions } from './instance/partition-host.ts';
import { openBmcDevice } from './bmc/bmc-device.ts';
import { AgentFailure } from './control/agent-failure.ts';
import { type BootParameters, decodeBootParameters } from './control/boot-parameters-codec.ts';
import { ControlPlaneClient } from './control/control-plane-client.ts';
import { LogShipper } from './control/log-shipper.ts';
import { ReportJournal } from './control/report-journal.ts';
import { Session } from './control/session.ts';
import { linuxDisks } from './disks/linux-disks.ts';
import { kernelFirmware } from './firmware/firmware.ts';
import { collectInventory } from './inventory/collect.ts';
import { resolveImageUrl } from './image/image-url-policy.ts';

/**
 * The agent's composition root. Init starts it again after any end but these: 0, the last step is done; 75, the machine
 * shall boot anew.
 */
declare const AGENT_VERSION: string;

const EXIT_REBOOT = 75;
const EXIT_PARAMETERS = 64;
const JOURNAL = '/run/rackwright/reports.json';

const print = (text: string) => process.stdout.write(`rackwright[${readFileSync('/proc/uptime', 'utf8').split('.')[0]}s]: ${text}\n`);

async function run(parameters: BootParameters): Promise<number> {
  const logs = new LogShipper(systemClock, print);
  const client = new ControlPlaneClient(parameters.api, parameters.pin, parameters.token);
  const machine = { disks: linuxDisks, firmware: kernelFirmware, partitions: ramdiskPartitions, openBmc: openBmcDevice };
  const session = new Session({
    client,
    clock: systemClock,
    random: systemRandom,
    logs,
    journal: new ReportJournal(JOURNAL),
    agentVersion: AGENT_VERSION,
    bootMac: parameters.bootMac,
    ...(parameters.nodeUuid ? { nodeUuid: parameters.nodeUuid } : {}),
    stepContext: {
      ...machine,
      collectInventory: () => collectInventory({ clock: systemClock, log: logs.log, ...machine }),
      imageUrl: (url) => resolveImageUrl(url, parameters) ?? fail(url),
    },
  });
  const end = await session.run();
  client.close();
  return end === 'stopped' ? 0 : EXIT_REBOOT;
}

function fail(url: string): never {
  throw new AgentFailure('step-arguments', `${url} is not a usable image URL: a path needs rackwright.boot= on the command line`);
}

const parameters = decodeBootParameters(readFileSync('/proc/cmdline', 'utf8'));
if (isMalformed(parameters)) {
  print(`the kernel command line is not usable: ${parameters.reason}`);
  process.exitCode = EXIT_PARAMETERS;
} else {
  process.exitCode = await run(parameters);
}
