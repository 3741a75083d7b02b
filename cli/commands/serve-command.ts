import { Command } from 'commander';
import type { Logger } from '../../core/base/logger.ts';
import type { ServeFlags } from '../serve/configuration.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** Open consoles and half-sent files end here at the latest; a supervisor would kill us then anyway. */
const STOP_DEADLINE_MS = 4_500;

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already, perhaps another `rackwright serve`; choose another address (--listen)',
  EADDRNOTAVAIL: 'give --listen an address that this host has',
  EACCES: 'ports below 1024 need root; choose another one (--listen)',
};

function explainListenFailure(cause: NodeJS.ErrnoException): never {
  const advice = cause.syscall === 'listen' || cause.syscall === 'bind' ? LISTEN_FAILURES[cause.code ?? ''] : undefined;
  throw advice === undefined ? cause : new CommandError(cause.message, EXIT_CODE.failed, advice);
}

export const serveCommand = (terminal: Terminal): Command =>
  new Command('serve')
    .description('run the control plane in the foreground')
    .requiredOption('--data <dir>', 'data folder: database, keys, leases, images')
    .option('--listen <address:port>', 'where the API answers (default 127.0.0.1:5000)')
    .option('--role <roles>', 'comma-separated: api, worker, boot (default: these); or metadata, on a hypervisor')
    .option('--enforce-scope', 'enforce token scope and the newer default roles in every service')
    .option('--config <file>', 'YAML file: networks, ports, intervals')
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright serve --data /var/lib/rackwright --config rackwright.yaml
  $ DATABASE_URL=postgres://db/rackwright rackwright serve --data /var/lib/rackwright --role api,worker

GET /healthz answers 200 when ready. SIGTERM stops cleanly within 5 s.`,
    )
    .action(async (flags: ServeFlags) => {
      // Loaded here: every other command starts in a quarter of a second without them.
      const { default: pino } = await import('pino');
      const { startControlPlane } = await import('../serve/control-plane.ts');
      const { startMemoryKeeper } = await import('../serve/memory-keeper.ts');
      const { readConfiguration } = await import('../serve/configuration.ts');
      const configuration = await readConfiguration(flags, process.env);
      const logger = pino(
        { level: configuration.log_level, timestamp: pino.stdTimeFunctions.isoTime },
        pino.destination({ dest: 2, sync: true }),
      ) as unknown as Logger;
      // Asked before the start: a signal that comes while starting must not leave a half-started database behind.
      const asked = new Promise<void>((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
      });
      const plane = await startControlPlane(configuration, logger).catch(explainListenFailure);
      terminal.out(`rackwright is ready at ${plane.address}`);
      const stopKeeping = startMemoryKeeper();
      await asked;
      stopKeeping();
      logger.info({}, 'stopping');
      setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
      await plane.stop();
      process.exit(0);
    });
