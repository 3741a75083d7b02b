import { decodeSelRecord } from '../../../bmc/ipmi/sel-codec.ts';
import type { EventRecord } from '../event-log.ts';
import type { EventState } from '../state/event-state.ts';
import type { EmulatedTask } from '../state/task-list.ts';
import { ENTRIES } from './log-resources.ts';
import { SYSTEM_PATH } from './redfish-shapes.ts';
import { TASKS } from './task-resources.ts';

/** What the BMC tells its subscribers of, in the words of DMTF's registries (ResourceEvent 1.3, TaskEvent 1.0). */
export function raisePowerEvent(events: EventState, state: 'on' | 'off'): void {
  const word = state === 'on' ? 'ResourcePoweredOn' : 'ResourcePoweredOff';
  events.raise({
    messageId: `ResourceEvent.1.3.${word}`,
    args: [SYSTEM_PATH],
    message: `The resource ${SYSTEM_PATH} has powered ${state}.`,
    severity: 'OK',
    origin: SYSTEM_PATH,
  });
}

const SEVERITIES = { ok: 'OK', warning: 'Warning', critical: 'Critical' } as const;

export function raiseLogEvent(events: EventState, { id, bytes }: EventRecord): void {
  const entry = decodeSelRecord(bytes);
  events.raise({
    messageId: 'ResourceEvent.1.3.ResourceCreated',
    args: [],
    message: `Log entry ${id}: ${entry.message}`,
    severity: SEVERITIES[entry.severity],
    origin: `${ENTRIES}/${id}`,
  });
}

export function raiseTaskEvent(events: EventState, { id, name, state, message }: EmulatedTask): void {
  const isDone = state === 'Completed';
  events.raise({
    messageId: `TaskEvent.1.0.${isDone ? 'TaskCompletedOK' : 'TaskAborted'}`,
    args: [id],
    message: `Task ${id} (${name}) ${isDone ? 'is completed' : 'has failed'}: ${message}`,
    severity: isDone ? 'OK' : 'Critical',
    origin: `${TASKS}/${id}`,
  });
}
