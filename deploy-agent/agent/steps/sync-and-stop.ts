import type { Step } from './step.ts';

/** The last step: disks are quiet afterwards, and the agent stops once its report has arrived. */
export const syncAndStop: Step = {
  declarations: [],
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
