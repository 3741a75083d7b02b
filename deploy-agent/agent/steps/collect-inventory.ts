import type { Json } from '../../../core/base/json.ts';
import type { Step } from './step.ts';

export const collectInventory: Step = {
  declarations: [
    {
      phase: 'inspect',
      interface: 'management',
      step: 'collect_inventory',
      priority: 10,
      abortable: true,
      rebootRequested: false,
      argsinfo: {},
    },
  ],
  run: async (_args, context) => (await context.collectInventory()) as unknown as Json,
};
