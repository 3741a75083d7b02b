import type { Logger } from '../../../core/base/logger.ts';
import { connectNorthbound } from '../../../network/ovn/ovn-northbound.ts';
import { connectSouthbound, gatewaysOf } from '../../../network/ovn/ovn-southbound.ts';
import type { NetworkState } from '../../../network/ovn/network-state.ts';
import type { Configuration } from '../configuration.ts';
import { ovnPlaces } from './ovn-places.ts';

/** An audit asks OVN itself, over a connection of its own, whoever carries networks out. */
const ANSWER_MS_MAX = 5_000;
/** What was changed a moment ago is on its way: only what differs twice is told. */
const SETTLING_MS = 1_000;

export async function ovnComparison(configuration: Configuration, logger: Logger) {
  const places = await ovnPlaces(configuration);
  if (places === undefined) return undefined;
  const onWarning = (fields: object, message: string) => logger.warn(fields, message);
  return async (state: NetworkState) => {
    const southbound = connectSouthbound({ ...places.southbound, onWarning });
    const northbound = connectNorthbound({ ...places.northbound, onWarning }, () => gatewaysOf(southbound.hosts()));
    try {
      await within(Promise.all([southbound.ready(), northbound.ready()]));
      const found = await northbound.compare(state);
      if (found.length === 0) return found;
      await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
      await within(northbound.ready());
      const nameOf = ({ table, key, what }: (typeof found)[number]) => `${table} ${key} ${what}`;
      const first = new Set(found.map(nameOf));
      return (await northbound.compare(state)).filter((one) => first.has(nameOf(one)));
    } finally {
      northbound.close();
      southbound.close();
    }
  };
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`OVN does not answer within ${ANSWER_MS_MAX / 1000} s`)), ANSWER_MS_MAX);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
