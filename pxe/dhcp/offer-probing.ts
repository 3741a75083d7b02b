import type { Clock } from '../../core/base/clock.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { AddressProber } from '../conflict/address-prober.ts';
import type { LeaseBook } from '../lease/lease-book.ts';
import { QUARANTINE_MS } from '../lease/lease-table.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { DhcpEvents } from './dhcp-events.ts';
import type { DhcpReply, DhcpSilence } from './dhcp-exchange.ts';

export interface OfferProbingOptions {
  readonly prober: AddressProber | undefined;
  readonly book: LeaseBook;
  readonly events: DhcpEvents;
  readonly clock: Clock;
  readonly counters: BootCounters;
  readonly logger: Logger;
}

/** Whoever answered over a router has a MAC that we do not see. */
const UNSEEN_MAC = '00:00:00:00:00:00';
/** A client whose pool is full of squatters gets its answer when it asks again. */
const ATTEMPTS_MAX = 4;

/** Holds an offer back until nobody has answered for its address. */
export interface OfferProbing {
  /**
   * False: send it now. Else one of the two is called, at most once: `send` when the address is free, `again` when it was found
   * in use and is in quarantine.
   */
  holdBack(decision: DhcpReply | DhcpSilence, attempt: number, calls: { send: () => void; again: () => void }): boolean;
}

export function createOfferProbing({ prober, book, events, clock, counters, logger }: OfferProbingOptions): OfferProbing {
  const quarantine = async (decision: DhcpReply, subnetId: string, address: number, by: string | undefined): Promise<void> => {
    const expiresAtMs = clock.nowMs() + QUARANTINE_MS;
    book.table.dropOffer(address, decision.facts.mac);
    events.conflict(decision, ipv4FromNumber(address), by);
    await book.write([{ ipAddress: ipv4FromNumber(address), mac: by ?? UNSEEN_MAC, subnetId, state: 'declined', expiresAtMs }]);
  };
  return {
    holdBack(decision, attempt, { send, again }) {
      if (decision.kind !== 'reply' || decision.probe === undefined || decision.hold === undefined || !prober) return false;
      const { hold, probe } = decision;
      return prober.probe(hold, probe.way, (result) => {
        if (!result.taken) return send();
        quarantine(decision, probe.subnetId, hold, result.by)
          .then(() => {
            if (attempt < ATTEMPTS_MAX) again();
            else counters.add('dhcp.drop.conflicts');
          })
          .catch((error: unknown) => {
            counters.add('dhcp.drop.journal');
            logger.error({ err: error }, 'an address in use could not be set aside; it is asked after again');
          });
      });
    },
  };
}
