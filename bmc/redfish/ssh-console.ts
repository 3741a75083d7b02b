import type { Duplex } from 'node:stream';
import { Client } from 'ssh2';
import type { Secret } from '../../core/base/secret.ts';
import { BmcError } from '../capability.ts';

/** The serial console that some BMCs give over SSH (ComputerSystem.SerialConsole.SSH). */
export interface SshConsoleSettings {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: Secret;
  /** What the BMC wants typed to reach the console; undefined when the login lands there. */
  readonly entry: string | undefined;
}

export function openSshConsole(settings: SshConsoleSettings, signal: AbortSignal): Promise<Duplex> {
  const { host } = settings;
  return new Promise((resolve, reject) => {
    const client = new Client();
    const fail = (error: Error & { level?: string }) => {
      client.destroy();
      const wrongPassword = error.level === 'client-authentication';
      reject(
        new BmcError(
          wrongPassword ? 'auth' : 'unreachable',
          `${host}: SSH console: ${error.message}`,
          wrongPassword ? 'Allow this user SSH on the BMC.' : 'Check that SSH is enabled on the BMC.',
          { cause: error },
        ),
      );
    };
    const onAbort = () => fail(new Error('no answer within the time allowed'));
    signal.addEventListener('abort', onAbort, { once: true });
    client.on('error', fail);
    client.on('ready', () => {
      client.shell({ term: 'vt100' }, (error, channel) => {
        signal.removeEventListener('abort', onAbort);
        if (error) return fail(error);
        client.off('error', fail);
        client.on('error', (lost) => channel.emit('error', lost));
        channel.on('close', () => client.end());
        if (settings.entry) channel.write(`${settings.entry}\n`);
        resolve(channel);
      });
    });
    client.connect({ host, port: settings.port, username: settings.username, password: settings.password.reveal() });
  });
}
