import { AgentFailure } from '../control/agent-failure.ts';
import type { Step } from './step.ts';

/** What the disks say of themselves (SMART, NVMe health); one that says nothing is told, and is no failure. */
export const checkDisks: Step = {
  declarations: [
    { phase: 'clean', interface: 'deploy', step: 'check_disks', priority: 0, abortable: true, rebootRequested: false, argsinfo: {} },
  ],
  async run(_args, context) {
    const disks = await context.disks.list();
    const failing = disks.filter((disk) => disk.smart?.healthy === false);
    if (failing.length > 0)
      throw new AgentFailure(
        'burn-in-failed',
        `${failing.map((disk) => `${disk.device} (${disk.serial ?? 'no serial'})`).join(', ')} foretells its failure`,
        { serials: failing.map((disk) => disk.serial ?? '') },
      );
    return disks.map(({ device, serial = '', smart }) => ({
      device,
      serial,
      ...(smart === undefined
        ? { healthy: 'unknown' }
        : { healthy: smart.healthy, powerOnHours: smart.powerOnHours ?? null, temperatureCelsius: smart.temperatureCelsius ?? null }),
    }));
  },
};
