import { contains, parseIp, parsePrefix, rangeOf } from '../../../core/base/ip-address.ts';
import { splitEndpoint, type Configuration } from '../configuration.ts';

type Traps = NonNullable<Configuration['bmc_events']['traps']>;

/** Whom the BMC at this address shall tell; undefined: nobody, since none of ours is reached over its kind of address. */
export function receiverFor(traps: Traps, bmc: string): string | undefined {
  const ip = parseIp(bmc);
  if (!traps.enroll || ip === undefined) return undefined;
  const rack = traps.racks.find(({ bmcs }) =>
    bmcs.some((cidr) => {
      const prefix = parsePrefix(cidr);
      return prefix !== undefined && contains(rangeOf(prefix), ip);
    }),
  );
  if (rack !== undefined) return rack.address;
  const own = traps.address ?? hostOf(traps.listen);
  return [own, traps.address6].find((each) => each !== undefined && parseIp(each)?.version === ip.version);
}

/** Without the brackets of IPv6. */
export const hostOf = (listen: string): string => splitEndpoint(listen).host.replace(/^\[|\]$/g, '');
