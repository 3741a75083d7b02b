import { spawn } from 'node:child_process';

/** A native tool that failed: what was run, how it ended and the end of what it said. */
export class CommandFailed extends Error {
  readonly exitCode: number | null;
  constructor(command: string, exitCode: number | null, stderr: string) {
    super(`${command} ended with ${exitCode ?? 'a signal'}: ${stderr.trim().slice(-STDERR_KEPT_BYTES) || 'no message'}`);
    this.exitCode = exitCode;
  }
}

/** Enough to show the cause, small enough for a log line. */
const STDERR_KEPT_BYTES = 2000;

export interface CommandOptions {
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** Runs a program without a shell and answers its standard output; a non-zero end rejects with {@link CommandFailed}. */
export function runCommand(file: string, args: readonly string[], options: CommandOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/', LC_ALL: 'C.UTF-8', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-4 * STDERR_KEPT_BYTES);
      for (const line of chunk.toString().split('\n')) if (line.trim()) options.onLine?.(line);
    });
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(Buffer.concat(stdout)) : reject(new CommandFailed(`${file} ${args[0] ?? ''}`, code, stderr)),
    );
    child.stdin.end(options.input ?? '');
  });
}
