import { hostname } from 'node:os';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { announceAgent } from '../../network/agent-service.ts';

/** The Network API lists the programs that stand behind it: this process says that it is one, and goes on saying so. */
const HEARTBEAT_MS = 30_000;

export async function announceControlPlane({ db }: Database, logger: Logger): Promise<() => void> {
  const agent = { agentType: 'Control plane', binary: 'rackwright', host: hostname(), topic: 'N/A', configurations: {} };
  await announceAgent(db, agent, true);
  const timer = setInterval(() => {
    announceAgent(db, agent, false).catch((error: unknown) =>
      logger.warn({ err: error }, 'the heartbeat of the network agent was not written'),
    );
  }, HEARTBEAT_MS);
  return () => clearInterval(timer);
}
