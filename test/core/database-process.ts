import { setInterval } from 'node:timers';
import { silentLogger } from '../../core/base/logger.ts';
import { startEmbeddedPostgres } from '../../core/database/embedded-postgres.ts';

/* A control plane to be killed: starts the embedded PostgreSQL in argv[2], says so, and stays. */
const postgres = await startEmbeddedPostgres({ dataDirectory: process.argv[2]!, logger: silentLogger });
process.stdout.write(`${postgres.pid}\n`);
setInterval(() => {}, 60_000);
