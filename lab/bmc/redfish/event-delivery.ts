import { Agent, request } from 'undici';
import type { BmcModel } from '../bmc-model.ts';
import type { EmulatedEvent, EmulatedSubscription } from '../state/event-state.ts';
import type { VendorProfile } from '../vendor-profile.ts';

/** Pushes events to subscribers: in order for each, three tries, and then the event is lost. */
const TRIES = 3;
const PAUSE_MS = 1_000;
const ANSWER_MS_MAX = 10_000;
/** A subscriber that is away keeps no more than this waiting. */
const WAITING_MAX = 64;

export function deliverEvents(bmc: BmcModel, profile: VendorProfile | undefined): { stop(): Promise<void> } {
  const stopping = new AbortController();
  // Like a BMC from the factory: it trusts whoever it was told of.
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  const lanes = new Map<string, { waiting: number; last: Promise<void> }>();

  const post = async ({ destination, context, headers }: EmulatedSubscription, event: EmulatedEvent): Promise<void> => {
    const body = JSON.stringify(bmc.events.body([event], context));
    for (let tries = 0; tries < TRIES && !stopping.signal.aborted; tries += 1) {
      if (tries > 0) await bmc.clock.sleep(PAUSE_MS, stopping.signal);
      try {
        const { statusCode, body: answer } = await request(destination, {
          method: 'POST',
          dispatcher: agent,
          headers: { 'content-type': profile?.events?.contentType ?? 'application/json', ...headers },
          body,
          signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(ANSWER_MS_MAX)]),
        });
        await answer.dump();
        if (statusCode < 300) return;
      } catch {
        // Tried again, or lost.
      }
    }
  };
  const push = (subscription: EmulatedSubscription, event: EmulatedEvent) => {
    const lane = lanes.get(subscription.id) ?? { waiting: 0, last: Promise.resolve() };
    lanes.set(subscription.id, lane);
    if (lane.waiting >= WAITING_MAX) return;
    lane.waiting += 1;
    lane.last = lane.last
      .then(() => post(subscription, event))
      .catch(() => {})
      .finally(() => (lane.waiting -= 1));
  };
  const isWanted = ({ registryPrefixes }: EmulatedSubscription, { messageId }: EmulatedEvent) =>
    registryPrefixes.length === 0 || registryPrefixes.some((prefix) => messageId.startsWith(`${prefix}.`));

  const forget = bmc.events.onEvent((event) => {
    const wanting = bmc.events.subscriptions().filter((each) => isWanted(each, event));
    for (const subscription of wanting) for (let times = profile?.events?.twice ? 2 : 1; times > 0; times -= 1) push(subscription, event);
  });
  return {
    async stop() {
      forget();
      stopping.abort();
      await Promise.all([...lanes.values()].map(({ last }) => last));
      await agent.destroy();
    },
  };
}
