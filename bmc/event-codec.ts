import { parseStorable, type Json, type JsonObject } from '../core/base/json.ts';
import { malformed, type Malformed } from '../core/base/malformed.ts';
import type { PowerState } from './capability.ts';
import type { BmcEvent } from './event.ts';
import { isJsonObject, objectsAt, pathAt, textAt } from './redfish/json-codec.ts';

/*
 * A Redfish event (DSP8010 `Event`): `{ Context, Events: [{ EventId, MessageId, Message, MessageSeverity, OriginOfCondition }] }`,
 * as it comes over the stream and by POST. The body is a BMC's, or a stranger's.
 */
/** One delivery of real BMCs carries up to some tens. */
export const EVENTS_IN_ONE_MAX = 64;
const TEXT_CHARACTERS_MAX = 512;

export interface RedfishEventDelivery {
  readonly context: string | undefined;
  readonly events: readonly BmcEvent[];
}

/** Message ids that tell the machine's power themselves, by registry and vendor. */
const POWER_MESSAGES: readonly (readonly [RegExp, PowerState, because: string])[] = [
  [/^ResourceEvent\..*\.ResourcePoweredOn$/, 'on', 'DMTF'],
  [/^ResourceEvent\..*\.ResourcePoweredOff$/, 'off', 'DMTF'],
  [/\bServerPoweredOn$/, 'on', 'HPE iLOEvents'],
  [/\bServerPoweredOff$/, 'off', 'HPE iLOEvents'],
  [/\bSYS1000$/, 'on', 'Dell iDRAC'],
  [/\bSYS1003$/, 'off', 'Dell iDRAC'],
  [/\bDCPowerOn$/, 'on', 'OpenBMC'],
  [/\bDCPowerOff$/, 'off', 'OpenBMC'],
];
const POWER_WORDS = /power|shut ?down|reset|restart|StateChanged/i;
const SEVERITIES: Readonly<Record<string, BmcEvent['severity']>> = { warning: 'warning', critical: 'critical' };

/** Its words go into logs and onto terminals. */
const clean = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, TEXT_CHARACTERS_MAX);

function toEvent(body: JsonObject): BmcEvent {
  const messageId = clean(textAt(body, 'MessageId') ?? '');
  const message = clean(textAt(body, 'Message') ?? (messageId || 'an event without words'));
  const origin = textAt(body, 'OriginOfCondition') ?? pathAt(body, 'OriginOfCondition');
  const atMs = Date.parse(textAt(body, 'EventTimestamp') ?? '');
  const power = POWER_MESSAGES.find(([told]) => told.test(messageId))?.[1];
  const severity = SEVERITIES[(textAt(body, 'MessageSeverity') ?? textAt(body, 'Severity') ?? '').toLowerCase()] ?? 'ok';
  // A fan that has powered on is not the machine.
  const isOfSystem = origin === undefined || /\/Systems\/[^/]+\/?$/.test(origin);
  return {
    id: clean(String(body['EventId'] ?? body['MemberId'] ?? '')),
    messageId,
    severity,
    message,
    ...(origin === undefined ? {} : { origin: clean(origin) }),
    ...(Number.isNaN(atMs) ? {} : { atMs }),
    ...(power === undefined || !isOfSystem ? {} : { power }),
    concernsPower: power !== undefined || POWER_WORDS.test(`${messageId} ${message}`),
  };
}

export function decodeRedfishEvents(body: Json): RedfishEventDelivery | Malformed {
  if (!isJsonObject(body)) return malformed('not a JSON object', 0);
  if (!Array.isArray(body['Events'])) return malformed('no Events', 0);
  const events = objectsAt(body, 'Events');
  if (events.length > EVENTS_IN_ONE_MAX) return malformed(`more than ${EVENTS_IN_ONE_MAX} events at once`, 0);
  return { context: textAt(body, 'Context'), events: events.map(toEvent) };
}

export function parseRedfishEvents(text: string): RedfishEventDelivery | Malformed {
  try {
    return decodeRedfishEvents(parseStorable(text));
  } catch {
    return malformed('not JSON', 0);
  }
}

/** The same event again, as some BMCs send it: numbers alone begin anew when a BMC restarts. */
export const eventKey = ({ id, messageId, message, atMs }: BmcEvent): string => `${id} ${messageId} ${atMs ?? ''} ${message}`;
