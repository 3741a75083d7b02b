import type { Clock } from '../../../core/base/clock.ts';
import type { JsonObject } from '../../../core/base/json.ts';

/** Redfish events (DSP0266 §13): who wants them, and the last ones. Delivery is the Redfish side's. */
export interface EmulatedEvent {
  readonly id: string;
  readonly atMs: number;
  readonly messageId: string;
  readonly args: readonly string[];
  readonly message: string;
  readonly severity: 'OK' | 'Warning' | 'Critical';
  /** Path of the resource that it is about. */
  readonly origin: string;
}

export interface EmulatedSubscription {
  readonly id: string;
  readonly destination: string;
  readonly context: string;
  readonly registryPrefixes: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

export interface EventState {
  subscriptions(): readonly EmulatedSubscription[];
  /** Undefined: there is room for no more. */
  subscribe(subscription: Omit<EmulatedSubscription, 'id'>): EmulatedSubscription | undefined;
  unsubscribe(id: string): boolean;
  raise(event: Omit<EmulatedEvent, 'id' | 'atMs'>): void;
  onEvent(listener: (event: EmulatedEvent) => void): () => void;
  /** An event as its subscribers get it. */
  body(events: readonly EmulatedEvent[], context: string | undefined): JsonObject;
  /** How texts that are paths look from outside. */
  mapBody: (body: JsonObject) => JsonObject;
}

export const SUBSCRIPTIONS_MAX = 8;

const record = (event: EmulatedEvent): JsonObject => ({
  MemberId: event.id,
  EventId: event.id,
  EventType: 'Alert',
  EventTimestamp: new Date(event.atMs).toISOString(),
  MessageId: event.messageId,
  MessageArgs: [...event.args],
  Message: event.message,
  MessageSeverity: event.severity,
  OriginOfCondition: { '@odata.id': event.origin },
});

export function createEventState(clock: Clock, subscriptionsMax = SUBSCRIPTIONS_MAX): EventState {
  let subscriptions: EmulatedSubscription[] = [];
  let lastSubscription = 0;
  let lastEvent = 0;
  const listeners = new Set<(event: EmulatedEvent) => void>();
  const state: EventState = {
    subscriptions: () => subscriptions,
    subscribe(given) {
      if (subscriptions.length >= subscriptionsMax) return undefined;
      const subscription = { ...given, id: String((lastSubscription += 1)) };
      subscriptions = [...subscriptions, subscription];
      return subscription;
    },
    unsubscribe(id) {
      const before = subscriptions.length;
      subscriptions = subscriptions.filter((each) => each.id !== id);
      return subscriptions.length < before;
    },
    raise(given) {
      const event = { ...given, id: String((lastEvent += 1)), atMs: clock.nowMs() };
      for (const listener of listeners) listener(event);
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    body: (events, context) =>
      state.mapBody({
        '@odata.type': '#Event.v1_6_0.Event',
        Id: events[0]?.id ?? '0',
        Name: 'Event Array',
        ...(context === undefined ? {} : { Context: context }),
        Events: events.map(record),
        'Events@odata.count': events.length,
      }),
    mapBody: (body) => body,
  };
  return state;
}
