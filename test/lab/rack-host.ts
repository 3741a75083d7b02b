/** A lab as a process of its own, for a test that kills it. Its argument is the run directory; it prints `ready` and waits. */
import { join } from 'node:path';
import { startRack } from '../../lab/start-rack.ts';
import { declareRack } from '../../lab/topology.ts';

const runDirectory = process.argv[2]!;
const rack = await startRack({ spec: declareRack({ machines: 1, seed: 5 }), runDirectory, onEvent: () => {} });
// Something that leaves its parent, as a daemon does.
await rack.runInside(['sh', '-c', `setsid sleep 3600 & echo "left ${runDirectory}"; sleep 3600`], {
  logFile: join(runDirectory, 'left.log'),
});
process.stdout.write('ready\n');
setInterval(() => {}, 60_000);
