import type { JsonObject } from '../../core/base/json.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { BmcError } from '../capability.ts';
import { parseRedfishEvents } from '../event-codec.ts';
import type { BmcEvent, EventCalls, EventSubscription } from '../event.ts';
import { pathAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';
import { createSseReader } from './sse-codec.ts';

/** EventService (DSP2046, DSP0266 §13). A BMC that is asked for no particular events sends those that it finds important. */
const subscriptionOf = (body: JsonObject): EventSubscription => ({
  id: textAt(body, '@odata.id') ?? '',
  destination: textAt(body, 'Destination') ?? '',
  context: textAt(body, 'Context') ?? '',
});

export function redfishEvents(tree: RedfishTree): EventCalls {
  const { host } = tree.address;
  const service = async (signal: AbortSignal): Promise<JsonObject> => {
    const found = await tree.follow(await tree.root(signal), 'EventService', signal);
    if (found['ServiceEnabled'] === false) throw tree.missing('event service that is switched on');
    return found;
  };

  async function* read(pieces: AsyncIterable<Buffer>): AsyncIterable<readonly BmcEvent[]> {
    const reader = createSseReader();
    for await (const piece of pieces) {
      const done = reader.push(piece);
      if (isMalformed(done)) throw new BmcError('protocol', `${host}: the event stream is broken: ${done.reason}`, 'It is opened again.');
      for (const text of done) {
        const delivery = parseRedfishEvents(text);
        // Keep-alives, and metric reports that share the stream, are of no interest.
        if (!isMalformed(delivery) && delivery.events.length > 0) yield delivery.events;
      }
    }
    throw new BmcError('unreachable', `${host}: the BMC ended the event stream`, 'It is opened again.');
  }

  return {
    async openEvents(signal) {
      const path = textAt(await service(signal), 'ServerSentEventUri');
      if (path === undefined) throw tree.missing('event stream');
      return read(await tree.http.stream(path, signal));
    },
    async eventSubscriptions(signal) {
      return (await tree.members(await service(signal), 'Subscriptions', signal)).map(subscriptionOf);
    },
    async subscribeEvents({ destination, context }, signal) {
      const path = pathAt(await service(signal), 'Subscriptions');
      if (path === undefined) throw tree.missing('event subscriptions');
      const plain = { Destination: destination, Context: context, Protocol: 'Redfish' };
      // Newer services want to know what is subscribed to; older ones know only the types of events.
      const first = await tree.http.start('POST', path, { ...plain, EventFormatType: 'Event' }, signal).catch(async (error: unknown) => {
        if (!(error instanceof BmcError) || error.code !== 'refused') throw error;
        return tree.http.start('POST', path, { ...plain, EventTypes: ['Alert', 'StatusChange'] }, signal);
      });
      return { id: first.location ?? textAt(first.body, '@odata.id') ?? '', destination, context };
    },
    async unsubscribeEvents(id, signal) {
      await tree.http.start('DELETE', id, undefined, signal).catch((error: unknown) => {
        if (!(error instanceof BmcError) || error.code !== 'unsupported') throw error;
      });
    },
  };
}
