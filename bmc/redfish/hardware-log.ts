import type { JsonObject } from '../../core/base/json.ts';
import type { HardwareLogCalls, HardwareLogEntry } from '../hardware-log.ts';
import { optional, pathAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** LogServices of the system, or of the manager where the system has none: the one whose entries are the hardware's. */
const HARDWARE_LOG = /sel|system ?event|iml|lclog|hardware|eventlog|event log|^log1?$/i;
const SEVERITIES: Readonly<Record<string, HardwareLogEntry['severity']>> = { Warning: 'warning', Critical: 'critical' };

function entryOf(entry: JsonObject): HardwareLogEntry {
  const atMs = Date.parse(textAt(entry, 'Created') ?? '');
  return {
    id: textAt(entry, 'Id') ?? '',
    ...optional('atMs', Number.isNaN(atMs) ? undefined : atMs),
    severity: SEVERITIES[textAt(entry, 'Severity') ?? ''] ?? 'ok',
    message: textAt(entry, 'Message') ?? textAt(entry, 'MessageId') ?? '',
    ...optional('sensor', textAt(entry, 'SensorType')),
  };
}

export function redfishHardwareLog(tree: RedfishTree): HardwareLogCalls {
  const find = async (signal: AbortSignal): Promise<JsonObject> => {
    const system = await tree.system(signal);
    const owner = pathAt(system, 'LogServices') === undefined ? await tree.manager(signal) : system;
    const services = await tree.members(owner, 'LogServices', signal);
    const name = (service: JsonObject) => `${textAt(service, 'Id')} ${textAt(service, 'Name')}`;
    const found = services.find((service) => service['LogEntryType'] === 'SEL') ?? services.find((each) => HARDWARE_LOG.test(name(each)));
    const service = found ?? services[0];
    if (service === undefined) throw tree.missing('log service');
    return service;
  };
  return {
    async hardwareLog(signal) {
      const page = await tree.follow(await find(signal), 'Entries', signal);
      const entries = Array.isArray(page['Members']) ? (page['Members'] as JsonObject[]) : [];
      // Most list whole entries; where they are links, each is a resource.
      const whole = await Promise.all(
        entries.map((each) => (textAt(each, 'Id') === undefined ? tree.http.get(textAt(each, '@odata.id')!, signal) : each)),
      );
      return whole.map(entryOf).sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0));
    },
    async clearHardwareLog(signal) {
      const action = await tree.action(await find(signal), '#LogService.ClearLog', 'LogEntriesETag', signal);
      if (action === undefined) throw tree.missing('action to clear the log');
      await tree.http.post(action.target, {}, signal);
    },
  };
}
