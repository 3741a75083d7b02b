import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS_MAX = 10_000;
const LOOK_MS = 20;

/** The TPM of one power-on. Its state (seeds, NV indices) stays on disk, where the next one finds it. */
export interface TpmProcess {
  /** Two processes must never hold one state. */
  stop(): Promise<void>;
}

export async function startTpm(stateDirectory: string, socketPath: string): Promise<TpmProcess> {
  mkdirSync(stateDirectory, { recursive: true });
  rmSync(socketPath, { force: true });
  const args = ['socket', '--tpm2', '--tpmstate', `dir=${stateDirectory}`, '--ctrl', `type=unixio,path=${socketPath}`, '--terminate'];
  const tpm = spawn('swtpm', args, { stdio: 'ignore' });
  let failure: string | undefined;
  const ended = new Promise<void>((resolve) => {
    const over = (why: string) => {
      failure ??= why;
      resolve();
    };
    tpm.once('error', (error) => over(error.message));
    tpm.once('exit', (code, signal) => over(`swtpm ended (${signal ?? code})`));
  });
  const end = Date.now() + START_MS_MAX;
  while (!existsSync(socketPath)) {
    if (failure !== undefined) throw new Error(failure);
    if (Date.now() > end) throw new Error('swtpm did not open its socket');
    await sleep(LOOK_MS);
  }
  return {
    stop() {
      tpm.kill('SIGKILL');
      return ended;
    },
  };
}
