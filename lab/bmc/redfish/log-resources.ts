import type { JsonObject } from '../../../core/base/json.ts';
import { decodeSelRecord } from '../../../bmc/ipmi/sel-codec.ts';
import type { EventRecord } from '../event-log.ts';
import { action, collection, link, NO_CONTENT, resource, SYSTEM_PATH, type RedfishNoun } from './redfish-shapes.ts';

/** The System Event Log as a LogService: the records that IPMI reads. */
const SERVICES = `${SYSTEM_PATH}/LogServices`;
const SEL = `${SERVICES}/SEL`;
export const ENTRIES = `${SEL}/Entries`;
const SEVERITIES = { ok: 'OK', warning: 'Warning', critical: 'Critical' } as const;

function entryBody({ id, bytes }: EventRecord): JsonObject {
  const event = decodeSelRecord(bytes);
  return resource(`${ENTRIES}/${id}`, 'LogEntry.v1_6_0', String(id), `Log Entry ${id}`, {
    EntryType: 'SEL',
    ...(event.atSeconds === undefined ? {} : { Created: new Date(event.atSeconds * 1000).toISOString() }),
    Severity: SEVERITIES[event.severity],
    Message: event.message,
    ...(event.sensorType === undefined ? {} : { SensorType: event.sensorType }),
    ...(event.sensorNumber === undefined ? {} : { SensorNumber: event.sensorNumber }),
  });
}

export const logResources: RedfishNoun = {
  find(bmc, path) {
    if (path === SERVICES) return collection(SERVICES, 'LogServiceCollection', 'Logs', [SEL]);
    if (path === SEL)
      return resource(SEL, 'LogService.v1_1_3', 'SEL', 'System Event Log', {
        ServiceEnabled: true,
        LogEntryType: 'SEL',
        OverWritePolicy: 'WrapsWhenFull',
        Entries: link(ENTRIES),
        Actions: { ...action(SEL, 'LogService.ClearLog') },
      });
    if (path === ENTRIES) {
      const entries = bmc.eventLog.entries().map(entryBody);
      return { ...collection(ENTRIES, 'LogEntryCollection', 'Entries', []), 'Members@odata.count': entries.length, Members: entries };
    }
    const entry = bmc.eventLog.entries().find(({ id }) => path === `${ENTRIES}/${id}`);
    return entry && entryBody(entry);
  },
  post(bmc, path) {
    if (path !== `${SEL}/Actions/LogService.ClearLog`) return undefined;
    bmc.eventLog.clear();
    return NO_CONTENT;
  },
};
