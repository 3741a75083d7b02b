import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Rack } from '../start-rack.ts';

const SSH_TRY_MS = 20_000;

export interface SshLogin {
  readonly address: string;
  readonly user: string;
  readonly privateKeyPath: string;
}

/** What the command prints; undefined while the machine does not take the login yet. */
export async function runOverSsh(rack: Rack, login: SshLogin, command: string): Promise<string | undefined> {
  const forward = await rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: `${login.address}:22` });
  const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'ConnectTimeout=10', 'LogLevel=ERROR'];
  const options = settings.flatMap((setting) => ['-o', setting]);
  try {
    const { stdout } = await promisify(execFile)(
      'ssh',
      ['-i', login.privateKeyPath, '-p', String(forward.port), ...options, `${login.user}@127.0.0.1`, command],
      { timeout: SSH_TRY_MS },
    );
    return stdout.trim();
  } catch {
    return undefined;
  } finally {
    await forward.stop();
  }
}
