import { PORT_CHANNEL, type PortChannel } from './eos-port-codec.ts';
import { hasSameLag, lagsOf, SwitchError, type Lag, type PortVlans } from './switch-driver.ts';

/*
 * What EOS is told so that ports are members of LAGs, or are not any more. A LAG is a port channel with a number of this switch; which number is nobody's wish: one
 * that has no other members stays, else it is the lowest that is free.
 */
export interface EosPorts {
  readonly ports: ReadonlyMap<string, PortVlans>;
  readonly channels: ReadonlyMap<string, PortChannel>;
  readonly numbers: ReadonlySet<number>;
}

/** What every model has. */
const CHANNEL_NUMBER_MAX = 1000;
const MODES = { lacp: 'active', static: 'on' } as const;
/** Until the machine speaks LACP one member passes frames: its loader and its first minutes are not cut off. */
const FALLBACK = 'port-channel lacp fallback static';

/** `commandsOf`: those of a port's VLANs, without its LAG. @throws SwitchError */
export function lagCommands(has: EosPorts, wished: ReadonlyMap<string, PortVlans>, commandsOf: (vlans: PortVlans) => string[]): string[] {
  const lags = lagsOf(wished);
  const numbers = new Map<string, number>();
  const taken = new Set(has.numbers);
  for (const [key, { lag }] of lags) {
    const number = ownChannel(has, lag) ?? freeNumber(taken);
    taken.add(number);
    numbers.set(key, number);
  }
  const numberOf = ({ lag }: PortVlans) => (lag === undefined ? undefined : numbers.get(String(lag.members)));
  const leaving = [...wished].filter(([name, vlans]) => {
    const own = has.channels.get(name);
    return own !== undefined && (own.number !== numberOf(vlans) || !hasSameLag({ ...vlans, lag: own.lag }, vlans));
  });
  const joining = [...wished].filter(([, vlans]) => vlans.lag !== undefined);
  const left = new Set(leaving.map(([name]) => has.channels.get(name)!.number));
  const staying = new Set([...has.channels].filter(([name]) => leaving.every(([other]) => other !== name)).map(([, { number }]) => number));
  const empty = [...left].filter((number) => !staying.has(number) && ![...numbers.values()].includes(number));
  return [
    ...leaving.flatMap(([name]) => [`interface ${name}`, 'no channel-group', 'exit']),
    ...empty.map((number) => `no interface ${PORT_CHANNEL}${number}`),
    ...[...lags].flatMap(([key, vlans]) => [
      `interface ${PORT_CHANNEL}${numbers.get(key)}`,
      ...commandsOf(vlans),
      vlans.lag.mode === 'lacp' ? FALLBACK : 'no port-channel lacp fallback',
      'exit',
    ]),
    ...joining.flatMap(([name, vlans]) => [`interface ${name}`, `channel-group ${numberOf(vlans)} mode ${MODES[vlans.lag!.mode]}`, 'exit']),
  ];
}

/** A port channel that has no other members. */
function ownChannel({ channels }: EosPorts, { members }: Lag): number | undefined {
  const own = members.map((name) => channels.get(name)).find((one) => one?.lag.members.every((member) => members.includes(member)));
  return own?.number;
}

function freeNumber(taken: ReadonlySet<number>): number {
  for (let number = 1; number <= CHANNEL_NUMBER_MAX; number += 1) if (!taken.has(number)) return number;
  throw new SwitchError('refused', `the switch has no free ${PORT_CHANNEL} up to ${CHANNEL_NUMBER_MAX}`);
}
