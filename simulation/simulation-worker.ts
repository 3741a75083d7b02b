import { startSimulation } from './run-simulation.ts';
import { scenarioOf, summarise, type SeedOrder, type SeedSummary } from './seed-summary.ts';

/** A process of its own with its own PostgreSQL: runs the seeds that it is sent, one after the other. */
const simulation = await startSimulation();
const fall = (error: unknown) => {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
  process.disconnect?.();
};
/** A parent that is gone is told of by `disconnect`. */
const tell = (what: SeedSummary | 'ready') => process.send?.(what, undefined, undefined, () => undefined);
process.on('message', (order: SeedOrder) => {
  simulation.run(scenarioOf(order)).then((report) => tell(summarise(report)), fall);
});
// Ctrl-C reaches every process of a terminal; this one ends with its parent, and takes its PostgreSQL along.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => void simulation.close().then(() => process.exit()));
tell('ready');
