import type { PowerState } from './capability.ts';

/** What a BMC tells by itself, without being asked. */
export interface BmcEvent {
  /** As the BMC numbers it; '' when it does not. */
  readonly id: string;
  /** `Registry.1.0.Message`, or the vendor's own. */
  readonly messageId: string;
  readonly severity: 'ok' | 'warning' | 'critical';
  /** The BMC's words, one line. */
  readonly message: string;
  /** Path of the resource that it is about. */
  readonly origin?: string;
  readonly atMs?: number;
  /** The machine's power, when the event itself tells it. */
  readonly power?: PowerState;
  /** It may concern the machine's power: worth a look. */
  readonly concernsPower: boolean;
}

export interface EventSubscription {
  readonly id: string;
  readonly destination: string;
  readonly context: string;
}

export interface EventSubscriber {
  /** URL to which the BMC posts. */
  readonly destination: string;
  /** Comes back with every event, and tells ours from others'. */
  readonly context: string;
}

export interface EventCalls {
  /**
   * Events from now on, in the crowds in which the BMC sends them, until the signal aborts. Iterating throws a BmcError when the stream is lost.
   * `unsupported`: the BMC has no such stream.
   */
  openEvents(signal: AbortSignal): Promise<AsyncIterable<readonly BmcEvent[]>>;
  eventSubscriptions(signal: AbortSignal): Promise<readonly EventSubscription[]>;
  /** `busy`: the BMC has no room for another subscription. */
  subscribeEvents(subscriber: EventSubscriber, signal: AbortSignal): Promise<EventSubscription>;
  /** One that is gone already is no error. */
  unsubscribeEvents(id: string, signal: AbortSignal): Promise<void>;
}
