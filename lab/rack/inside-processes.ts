import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** The product's processes: started inside the rack's namespaces, each with a log file. */
export interface InsideProcesses {
  spawn(argv: readonly string[], env: Readonly<Record<string, string>>, logFile: string): Promise<number>;
  /** False when there is no such process any more. */
  kill(pid: number, signal: NodeJS.Signals): boolean;
}

export type ProcessExit = (pid: number, code: number | null, signal: string | null) => void;

export function createInsideProcesses(onExit: ProcessExit): InsideProcesses {
  const children = new Map<number, ChildProcess>();
  return {
    spawn(argv, env, logFile) {
      const [program, ...args] = argv;
      if (program === undefined) return Promise.reject(new Error('no program to start'));
      const log = openSync(logFile, 'a');
      return new Promise((resolve, reject) => {
        const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
        closeSync(log);
        child.once('error', reject);
        child.once('spawn', () => {
          const pid = child.pid!;
          children.set(pid, child);
          child.once('exit', (code, signal) => {
            children.delete(pid);
            onExit(pid, code, signal);
          });
          resolve(pid);
        });
      });
    },
    kill: (pid, signal) => children.get(pid)?.kill(signal) ?? false,
  };
}
