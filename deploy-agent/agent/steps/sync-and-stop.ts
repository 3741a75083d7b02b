import type { Step } from './step.ts';

/** The last step: disks are quiet afterwards, and the agent stops once its report has arrived. */
export const syncAndStop: Step = {
  declarations: [
    {
      phase: 'deploy',
      interface: 'deploy',
      step: 'sync_and_stop',
      priority: 30,
      abortable: true,
      rebootRequested: false,
      argsinfo: {},
    },
  ],
  async run(_args, context) {
    for (const facts of await context.disks.list()) {
      const disk = await context.disks.open(facts);
      try {
        await disk.flush();
      } finally {
        await disk.close();
      }
    }
    return null;
  },
};
