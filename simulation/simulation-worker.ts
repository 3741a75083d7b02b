import { startSimulation } from './run-simulation.ts';
import { scenarioOf, summarise, type SeedOrder } from './seed-summary.ts';

/** A process of its own with its own PostgreSQL: runs the seeds that it is sent, one after the other. */
const simulation = await startSimulation();
const fall = (error: unknown) => {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
  process.disconnect?.();
};
process.on('message', (order: SeedOrder) => {
  simulation.run(scenarioOf(order)).then((report) => process.send?.(summarise(report)), fall);
});
process.on('disconnect', () => void simulation.close().then(() => process.exit()));
process.send?.('ready');
