import type { Clock } from '../../../core/base/clock.ts';

/** Work that goes on after its request was answered (Redfish tasks). */
export interface EmulatedTask {
  readonly id: string;
  readonly name: string;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  /** `Pending`: it waits for the machine's next start. */
  state: 'Pending' | 'Running' | 'Completed' | 'Exception';
  percent: number;
  message: string;
}

export interface TaskList {
  all(): readonly EmulatedTask[];
  find(id: string): EmulatedTask | undefined;
  /** `work` may throw: its message is the task's. */
  start(name: string, work: (task: EmulatedTask) => Promise<string>, when?: 'at-start'): EmulatedTask;
  machineStarts(): void;
  clear(): void;
}

const TASKS_KEPT_MAX = 64;

export const isOpen = (task: EmulatedTask): boolean => task.state === 'Running' || task.state === 'Pending';

export function createTaskList(clock: Clock, onEnded: (task: EmulatedTask) => void = () => {}): TaskList {
  let tasks: EmulatedTask[] = [];
  let lastId = 0;
  const waiting: (() => void)[] = [];
  return {
    all: () => tasks,
    machineStarts() {
      for (const run of waiting.splice(0)) run();
    },
    find: (id) => tasks.find((task) => task.id === id),
    start(name, work, when) {
      const id = String((lastId += 1));
      const task: EmulatedTask = { id, name, startedAtMs: clock.nowMs(), endedAtMs: undefined, state: 'Running', percent: 0, message: '' };
      tasks = [...tasks.slice(1 - TASKS_KEPT_MAX), task];
      const end = (state: EmulatedTask['state'], message: string) => {
        Object.assign(task, { state, message, endedAtMs: clock.nowMs(), percent: state === 'Completed' ? 100 : task.percent });
        onEnded(task);
      };
      const run = () => {
        task.state = 'Running';
        work(task).then(
          (message) => end('Completed', message),
          (error: unknown) => end('Exception', (error as Error).message),
        );
      };
      if (when === undefined) run();
      else {
        task.state = 'Pending';
        waiting.push(run);
      }
      return task;
    },
    clear() {
      tasks = tasks.filter(isOpen);
    },
  };
}
