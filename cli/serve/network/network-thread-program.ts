import { parentPort, workerData } from 'node:worker_threads';
import type { Logger } from '../../../core/base/logger.ts';
import { connectDatabase } from '../../../core/database/connect-database.ts';
import { startReconciler } from './network-reconciler.ts';
import type { ThreadMessage, ThreadSettings } from './network-thread.ts';

/** What runs in the thread of `network-thread.ts`. */
const { place, ...settings } = workerData as ThreadSettings;
const say = (message: ThreadMessage) => parentPort!.postMessage(message);

/** One statement at a time, and one more for what ports are. */
const CONNECTIONS = 3;

/** An error loses what is its own on its way to another thread. */
const tellable = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? asFields(value) : value]));
const asFields = (error: Error) => ({
  type: error.name,
  message: error.message,
  stack: error.stack,
  ...('code' in error ? { code: String(error.code) } : {}),
});

function createTellingLogger(always: object): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) =>
    say({ kind: 'log', level, fields: { ...always, ...tellable(fields) }, message });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createTellingLogger({ ...always, ...tellable(fields) }),
  };
}

const logger = createTellingLogger({});
const database = await connectDatabase({ ...place, logger, poolSize: CONNECTIONS });
const reconciler = startReconciler({ ...settings, database, logger, onStatus: (status) => say({ kind: 'status', status }) });

parentPort!.on('message', async () => {
  await reconciler.stop();
  await database.close();
  parentPort!.close();
});
