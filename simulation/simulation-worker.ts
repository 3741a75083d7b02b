import { startSimulation } from './run-simulation.ts';
import { scenarioOf, summarise, type SeedOrder, type SeedSummary } from './seed-summary.ts';

/** A process of its own with its own database: runs the seeds that it is sent, one after another. */
const simulation = await startSimulation();
let running = Promise.resolve();
process.on('message', (order: SeedOrder | 'end') => {
  running = running.then(async () => {
    if (order === 'end') {
      await simulation.close();
      process.disconnect?.();
      return;
    }
    const summary: SeedSummary = summarise(await simulation.run(scenarioOf(order)));
    process.send?.(summary);
  });
  running.catch((error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => void simulation.close().then(() => process.exit()));
process.send?.('ready');
