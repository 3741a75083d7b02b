/**
 * A boot plane as a process of its own, for tests that kill it or put it into a network namespace. Its argument is a JSON file
 * `{ model, dataDirectory, httpPort, storePath, eventPath }`; it prints one line of JSON when it is ready.
 * Stored leases and events are appended to files; while `storePath + '.down'` exists, storing fails.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { systemClock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import { systemRandom } from '../../core/base/random.ts';
import { type BootPlaneOptions, startBootPlane } from '../../pxe/boot-plane.ts';

export interface ProcessSettings extends Pick<BootPlaneOptions, 'model' | 'dataDirectory' | 'httpPort' | 'tftpPort' | 'dnsPort'> {
  readonly storePath: string;
  readonly eventPath: string;
}

const settings = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ProcessSettings;
const write = (level: string) => (fields: object, message: string) => {
  const error = (fields as { err?: Error }).err;
  process.stderr.write(`${level} ${message} ${JSON.stringify({ ...fields, ...(error ? { err: error.stack } : {}) })}\n`);
};
const logger: Logger = { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error'), child: () => logger };

const plane = await startBootPlane({
  ...settings,
  recordEvent: (event) => appendFileSync(settings.eventPath, `${JSON.stringify(event)}\n`),
  async storeLeases(batch) {
    if (existsSync(`${settings.storePath}.down`)) throw new Error('the store is down');
    for (const lease of batch) appendFileSync(settings.storePath, `${JSON.stringify(lease)}\n`);
  },
  clock: systemClock,
  random: systemRandom,
  logger,
});
process.stdout.write(`${JSON.stringify(plane.addresses())}\n`);
process.on('SIGUSR2', () => appendFileSync(settings.eventPath, `${JSON.stringify({ kind: 'test.metrics', metrics: plane.metrics() })}\n`));
process.on('SIGTERM', () => void plane.stop());
