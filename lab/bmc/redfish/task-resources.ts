import type { JsonObject } from '../../../core/base/json.ts';
import type { EmulatedTask } from '../state/task-list.ts';
import type { RedfishReply } from './redfish-error.ts';
import { collection, link, resource, ROOT, type RedfishNoun } from './redfish-shapes.ts';

/** TaskService: `Tasks/N` is the task, `TaskMonitors/N` answers 202 while it runs. */
const SERVICE = `${ROOT}/TaskService`;
export const TASKS = `${SERVICE}/Tasks`;
const MONITORS = `${SERVICE}/TaskMonitors`;
const monitorPath = (id: string) => `${MONITORS}/${id}`;

const iso = (ms: number) => new Date(ms).toISOString();

export const taskBody = (task: EmulatedTask): JsonObject =>
  resource(`${TASKS}/${task.id}`, 'Task.v1_4_3', task.id, task.name, {
    TaskState: task.state,
    TaskStatus: task.state === 'Exception' ? 'Critical' : 'OK',
    PercentComplete: task.percent,
    StartTime: iso(task.startedAtMs),
    ...(task.endedAtMs === undefined ? {} : { EndTime: iso(task.endedAtMs) }),
    TaskMonitor: monitorPath(task.id),
    Messages:
      task.message === ''
        ? []
        : [
            {
              MessageId: task.state === 'Exception' ? 'Base.1.8.InternalError' : 'Base.1.8.Success',
              Message: task.message,
              MessageSeverity: task.state === 'Exception' ? 'Critical' : 'OK',
            },
          ],
  });

export const accepted = (task: EmulatedTask): RedfishReply => ({
  status: 202,
  body: taskBody(task),
  headers: { Location: monitorPath(task.id), 'Retry-After': '1' },
});

export const isMonitor = (path: string): boolean => path.startsWith(`${MONITORS}/`);

export const taskResources: RedfishNoun = {
  find(bmc, path) {
    if (path === SERVICE)
      return resource(SERVICE, 'TaskService.v1_1_5', 'TaskService', 'Tasks', { ServiceEnabled: true, Tasks: link(TASKS) });
    if (path === TASKS)
      return collection(
        TASKS,
        'TaskCollection',
        'Tasks',
        bmc.tasks.all().map(({ id }) => `${TASKS}/${id}`),
      );
    const [, , id] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    const task = id !== undefined && (path === `${TASKS}/${id}` || path === monitorPath(id)) ? bmc.tasks.find(id) : undefined;
    return task && taskBody(task);
  },
};
