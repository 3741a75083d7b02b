import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS_MAX = 10_000;
const LOOK_MS = 20;

/** Starts the TPM of one power-on; it ends with its QEMU. Its state (seeds, NV indices) stays in `stateDirectory`. */
export async function startTpm(stateDirectory: string, socketPath: string): Promise<void> {
  mkdirSync(stateDirectory, { recursive: true });
  rmSync(socketPath, { force: true });
  const tpm = spawn('swtpm', ['socket', '--tpm2', '--tpmstate', `dir=${stateDirectory}`, '--ctrl', `type=unixio,path=${socketPath}`, '--terminate'], {
    stdio: 'ignore',
  });
  let failure: string | undefined;
  tpm.once('error', (error) => (failure = error.message));
  tpm.once('exit', (code) => (failure ??= `swtpm ended with ${code}`));
  const end = Date.now() + START_MS_MAX;
  while (!existsSync(socketPath)) {
    if (failure) throw new Error(failure);
    if (Date.now() > end) throw new Error('swtpm did not open its socket');
    await sleep(LOOK_MS);
  }
}
