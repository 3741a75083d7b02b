import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../../core/base/json.ts';
import { runCommand } from '../../native-command.ts';
import type { StartRescueArgs } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { Step } from './step.ts';

/**
 * Lets a person in over SSH: the user `rescue`, with the rights of root and the password that was asked for, in a ramdisk
 * that touches no disk by itself. Repeatable: the last password counts.
 */
const USER = 'rescue';
/** crypt(3) reads no more; longer ones come from a file that was pasted by mistake. */
const PASSWORD_CHARACTERS_MAX = 255;

export interface RescueHost {
  /** Where `etc` is. */
  readonly root: string;
  hash(password: string): Promise<string>;
  startSshServer(): void;
}

export const ramdiskHost: RescueHost = {
  root: '/',
  // Over standard input: arguments are for all to see.
  hash: async (password) => (await runCommand('mkpasswd', ['-m', 'sha512', '-P', '0'], { input: `${password}\n` })).toString().trim(),
  startSshServer() {
    // -R makes the host key with the first connection; in the background it outlives this agent.
    spawn('dropbear', ['-R', '-p', '22'], { detached: true, stdio: 'ignore' }).unref();
  },
};

const withoutUser = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(`${USER}:`))
    .map((line) => `${line}\n`)
    .join('');

export const createStartRescue = (host: RescueHost): Step => {
  let isListening = false;
  return {
    declarations: [],
    async run(args): Promise<Json> {
      const { password } = args as unknown as StartRescueArgs;
      if (typeof password !== 'string' || password === '' || password.length > PASSWORD_CHARACTERS_MAX || /[\n\r\0]/.test(password))
        throw new AgentFailure('step-arguments', `the rescue password must be one line of 1 to ${PASSWORD_CHARACTERS_MAX} characters`);
      const hash = await host.hash(password);
      const etc = (name: string) => join(host.root, 'etc', name);
      const read = (name: string) => readFile(etc(name), 'utf8').catch(() => '');
      await mkdir(etc('dropbear'), { recursive: true });
      await writeFile(etc('shadow'), `${withoutUser(await read('shadow'))}${USER}:${hash}:20000:0:99999:7:::\n`, { mode: 0o600 });
      await writeFile(etc('passwd'), `${withoutUser(await read('passwd'))}${USER}:x:0:0:rescue:/root:/bin/sh\n`);
      // The SSH server lets in only who has a shell that is listed.
      await writeFile(etc('shells'), '/bin/sh\n');
      await mkdir(join(host.root, 'root'), { recursive: true });
      if (!isListening) host.startSshServer();
      isListening = true;
      return { user: USER };
    },
  };
};

export const startRescue = createStartRescue(ramdiskHost);
