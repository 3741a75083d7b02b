import type { Clock } from '../../../core/base/clock.ts';

/** Work that goes on after its request was answered (Redfish tasks). */
export interface EmulatedTask {
  readonly id: string;
  readonly name: string;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  state: 'Running' | 'Completed' | 'Exception';
  percent: number;
  message: string;
}

export interface TaskList {
  all(): readonly EmulatedTask[];
  find(id: string): EmulatedTask | undefined;
  /** `work` may throw: its message is the task's. */
  start(name: string, work: (task: EmulatedTask) => Promise<string>): EmulatedTask;
  clear(): void;
}

const TASKS_KEPT_MAX = 64;

export function createTaskList(clock: Clock): TaskList {
  let tasks: EmulatedTask[] = [];
  let lastId = 0;
  return {
    all: () => tasks,
    find: (id) => tasks.find((task) => task.id === id),
    start(name, work) {
      const id = String((lastId += 1));
      const task: EmulatedTask = { id, name, startedAtMs: clock.nowMs(), endedAtMs: undefined, state: 'Running', percent: 0, message: '' };
      tasks = [...tasks.slice(1 - TASKS_KEPT_MAX), task];
      const end = (state: EmulatedTask['state'], message: string) =>
        Object.assign(task, { state, message, endedAtMs: clock.nowMs(), percent: state === 'Completed' ? 100 : task.percent });
      work(task).then(
        (message) => end('Completed', message),
        (error: unknown) => end('Exception', (error as Error).message),
      );
      return task;
    },
    clear() {
      tasks = tasks.filter((task) => task.state === 'Running');
    },
  };
}
