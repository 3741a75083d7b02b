import type { Json, JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { EmulatedSubscription } from '../state/event-state.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import { action, collection, isObject, link, NO_CONTENT, resource, ROOT, STATUS, SYSTEM_PATH, type RedfishNoun } from './redfish-shapes.ts';

/** EventService (DSP2046): subscriptions that are pushed to, and a stream (SSE) for who stays on the line. */
export const EVENT_SERVICE = `${ROOT}/EventService`;
export const EVENT_STREAM = `${EVENT_SERVICE}/SSE`;
const SUBSCRIPTIONS = `${EVENT_SERVICE}/Subscriptions`;
const PREFIXES = ['ResourceEvent', 'TaskEvent', 'Base'];

const subscriptionBody = (one: EmulatedSubscription): JsonObject =>
  resource(`${SUBSCRIPTIONS}/${one.id}`, 'EventDestination.v1_9_0', one.id, `Subscription ${one.id}`, {
    Destination: one.destination,
    Context: one.context,
    Protocol: 'Redfish',
    SubscriptionType: 'RedfishEvent',
    EventFormatType: 'Event',
    RegistryPrefixes: [...one.registryPrefixes],
    DeliveryRetryPolicy: 'TerminateAfterRetries',
    // A BMC keeps them to itself.
    HttpHeaders: null,
    Status: STATUS,
  });

const textList = (value: Json | undefined): string[] | undefined =>
  value === undefined ? [] : Array.isArray(value) && value.every((each) => typeof each === 'string') ? (value as string[]) : undefined;

/** `HttpHeaders` is a list of objects with one header each. */
function headersOf(value: Json | undefined): Record<string, string> | undefined {
  if (value === undefined) return {};
  if (!Array.isArray(value) || !value.every(isObject)) return undefined;
  const entries = (value as JsonObject[]).flatMap((each) => Object.entries(each));
  return entries.every(([, text]) => typeof text === 'string') ? (Object.fromEntries(entries) as Record<string, string>) : undefined;
}

function subscribe(bmc: BmcModel, body: JsonObject): RedfishReply {
  const { Destination: destination, Context: context = '', Protocol: protocol, RegistryPrefixes: prefixes, HttpHeaders: given } = body;
  if (typeof destination !== 'string' || !URL.canParse(destination) || !/^https?:/.test(destination))
    return redfishError(400, 'Destination is not a URL of http or https.');
  if (protocol !== 'Redfish') return redfishError(400, 'Protocol is not Redfish.');
  if (typeof context !== 'string') return redfishError(400, 'Context is not a text.');
  const registryPrefixes = textList(prefixes);
  const headers = headersOf(given);
  const strange = registryPrefixes?.find((each) => !PREFIXES.includes(each));
  if (registryPrefixes === undefined || strange !== undefined)
    return redfishError(400, `RegistryPrefixes: ${strange ?? 'not a list of texts'} is not allowed.`);
  if (headers === undefined) return redfishError(400, 'HttpHeaders is not a list of objects of texts.');
  const made = bmc.events.subscribe({ destination, context, registryPrefixes, headers });
  if (made === undefined) return redfishError(503, 'The event service has no room for another subscription.');
  return { status: 201, body: subscriptionBody(made), headers: { Location: `${SUBSCRIPTIONS}/${made.id}` } };
}

const TEST_EVENT = `${EVENT_SERVICE}/Actions/EventService.SubmitTestEvent`;

function submitTest(bmc: BmcModel, body: JsonObject): RedfishReply {
  const { MessageId: messageId, MessageArgs: args, Message: message } = body;
  if (typeof messageId !== 'string') return redfishError(400, 'MessageId is missing.');
  const words = textList(args);
  if (words === undefined) return redfishError(400, 'MessageArgs is not a list of texts.');
  bmc.events.raise({
    messageId,
    args: words,
    message: typeof message === 'string' ? message : 'Test event.',
    severity: 'OK',
    origin: SYSTEM_PATH,
  });
  return NO_CONTENT;
}

export const eventResources: RedfishNoun = {
  find(bmc, path) {
    if (path === EVENT_SERVICE)
      return resource(EVENT_SERVICE, 'EventService.v1_7_0', 'EventService', 'Event Service', {
        ServiceEnabled: true,
        Status: STATUS,
        DeliveryRetryAttempts: 3,
        DeliveryRetryIntervalSeconds: 1,
        EventFormatTypes: ['Event'],
        RegistryPrefixes: PREFIXES,
        Subscriptions: link(SUBSCRIPTIONS),
        ServerSentEventUri: EVENT_STREAM,
        Actions: { ...action(EVENT_SERVICE, 'EventService.SubmitTestEvent') },
      });
    const all = bmc.events.subscriptions();
    if (path === SUBSCRIPTIONS)
      return collection(
        SUBSCRIPTIONS,
        'EventDestinationCollection',
        'Subscriptions',
        all.map(({ id }) => `${SUBSCRIPTIONS}/${id}`),
      );
    const found = all.find(({ id }) => path === `${SUBSCRIPTIONS}/${id}`);
    return found && subscriptionBody(found);
  },
  post(bmc, path, body) {
    if (path === SUBSCRIPTIONS) return subscribe(bmc, body);
    return path === TEST_EVENT ? submitTest(bmc, body) : undefined;
  },
  remove(bmc, path) {
    if (!path.startsWith(`${SUBSCRIPTIONS}/`)) return undefined;
    return bmc.events.unsubscribe(path.slice(SUBSCRIPTIONS.length + 1)) ? NO_CONTENT : redfishError(404);
  },
};
