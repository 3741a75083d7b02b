import type { Command } from 'commander';
import { WebSocket } from 'undici';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { LATEST, type ProductClient } from './api-client.ts';
import { connect, nodePath, nodeSubcommand, show, type NodeFlags } from './node-connection.ts';

/** Ctrl-], as telnet and virsh have it. */
const ESCAPE_KEY = 0x1d;
const CLOSE_NORMAL = 1000;
/** The BMC does not answer now, or has no session left. */
const CLOSE_TRY_LATER = 1013;

export const consoleCommand = (terminal: Terminal): Command =>
  nodeSubcommand('console <node>', "the machine's serial console; Ctrl-] leaves it")
    .option('--read-only', 'type nothing: only look')
    .option('--record <on|off>', 'whether the console is recorded from now on, and what it tells of a boot comes into the timeline')
    .option('--recorded', 'print what was recorded while nobody looked')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rackwright node console machine-1 --data data\n  $ rackwright node console machine-1 --data data --recorded',
    )
    .action(async (id: string, flags: NodeFlags & { readOnly?: true; record?: string; recorded?: true }) => {
      if (flags.json === true && flags.record === undefined && flags.recorded !== true)
        throw new CommandError('--json goes with --record or --recorded: a console is bytes', EXIT_CODE.usage);
      const client = await connect(flags);
      if (flags.record !== undefined) return setRecording(terminal, client, id, flags, flags.record);
      if (flags.recorded === true) {
        const recorded = await client.call('GET', `${nodePath(id)}/console/recorded`);
        return show(terminal, flags, recorded, () => String(recorded['text']));
      }
      // A name that is wrong is told before a socket is opened.
      await client.call('GET', nodePath(id));
      const url = `${client.endpoint.replace(/^http/, 'ws')}/v1${nodePath(id)}/console`;
      const socket = new WebSocket(url, { headers: { ...client.loginHeaders, ...LATEST } });
      socket.binaryType = 'arraybuffer';
      const isTerminal = process.stdin.isTTY === true;
      try {
        await talk(socket, flags.readOnly === true, () => terminal.err(`the console of ${id} is open; Ctrl-] leaves it`));
      } finally {
        if (isTerminal) process.stdin.setRawMode(false);
        process.stdin.pause();
      }
    });

async function setRecording(terminal: Terminal, client: ProductClient, id: string, flags: NodeFlags, state: string): Promise<void> {
  if (state !== 'on' && state !== 'off') throw new CommandError(`--record is on or off, not ${state}`, EXIT_CODE.usage);
  await client.call('PUT', `${nodePath(id)}/states/console`, { enabled: state === 'on' });
  await show(terminal, flags, { node: id, console_enabled: state === 'on' }, () => `${id}: recording is ${state}`);
}

async function talk(socket: WebSocket, readOnly: boolean, onOpen: () => void): Promise<void> {
  const { stdin } = process;
  const type = (bytes: Buffer) => {
    if (bytes.includes(ESCAPE_KEY) || (readOnly && bytes.includes(0x03))) return socket.close(CLOSE_NORMAL);
    if (!readOnly) socket.send(bytes);
  };
  socket.addEventListener('open', () => {
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', type);
    // A script's input that ends leaves the console on the screen until it is closed by the other side or a signal.
    stdin.resume();
  });
  let failed: { readonly message?: string; readonly advice?: string } = {};
  socket.addEventListener('message', ({ data }) => {
    if (typeof data === 'string') {
      const told = JSON.parse(data) as { event: string; message?: string; advice?: string };
      if (told.event === 'failed') failed = told;
      return told.event === 'open' ? onOpen() : undefined;
    }
    process.stdout.write(Buffer.from(data as ArrayBuffer));
  });
  const { code, reason } = await new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', (event) => resolve(event));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => socket.close(CLOSE_NORMAL));
  });
  stdin.off('data', type);
  if (code !== CLOSE_NORMAL)
    throw new CommandError(
      `the console ended: ${failed.message ?? (reason || `code ${code}`)}`,
      code === CLOSE_TRY_LATER ? EXIT_CODE.unreachable : EXIT_CODE.failed,
      failed.advice,
    );
}
