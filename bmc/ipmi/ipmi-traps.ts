import { isIPv6 } from 'node:net';
import type { Clock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { BmcError } from '../capability.ts';
import type { EventFiltering, PlatformTrapCalls, TrapReceiver } from '../platform-trap.ts';
import {
  decodeDestinationAddress,
  decodeDestinationType,
  DESTINATION_ADDRESS_BYTES,
  encodeDestinationAddress,
  encodeTrapDestination,
} from './alert-destination-codec.ts';
import { COMPLETION } from './completion-code-codec.ts';
import { IpmiCompletionError, type IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeLanParameter, getLanParameter, setLanParameter, type LanParameterName } from './lan-config-codec.ts';
import { NET_FN } from './message-codec.ts';
import {
  ALERT_POLICY_BYTES,
  ALERT_STATUS,
  armPefTimer,
  decodeAlertPolicy,
  decodeEventFilter,
  decodePefCapabilities,
  decodePefParameter,
  encodeAlertPolicy,
  encodeEventFilter,
  EVENT_COMMAND,
  EVENT_FILTER_BYTES,
  getAlertStatus,
  getPef,
  getPefCapabilities,
  PEF_ACTION,
  PEF_ENABLED,
  PEF_TIMER,
  sendAlert,
  setPef,
  type PefParameterName,
} from './pef-codec.ts';
import { alertingFilters, NO_ADDRESS, planEnrolment, planWithdrawal, type TrapChange, type TrapTables } from './trap-enrolment-policy.ts';

/** Platform event filtering and traps (IPMI 2.0 §17, §30) of one BMC. */
/** While its tables change no event is handled; a session that breaks must not leave it so for long. */
const CHANGING_SECONDS = 60;
/** As BMCs and their tools have it: four attempts within twelve seconds. */
const TRAP_WAIT_SECONDS = 3;
const TRAP_RETRIES = 3;
const COMMUNITY_BYTES = 18;
const TRY_PAUSE_MS = 250;
const TRIES_MAX = 120;
/** Steps around the tables that BMCs lack. */
const OPTIONAL = [0x80, 0x81, 0x82, COMPLETION.invalidCommand, COMPLETION.invalidField, COMPLETION.parameterOutOfRange] as const;

/** Firmware from before the errata of 2013 knows one format of address. */
const LACKS_IPV6 = [COMPLETION.requestLength, COMPLETION.fieldLength, COMPLETION.invalidField, COMPLETION.parameterOutOfRange] as const;

const IDS = (count: number) => Array.from({ length: count }, (_each, at) => at + 1);

export function ipmiTraps(host: string, endpoint: IpmiEndpoint, clock: Clock): PlatformTrapCalls {
  const lacks = (what: string, cause?: unknown) =>
    new BmcError('unsupported', `${host}: the BMC has no ${what}`, 'Its power is read by polling.', { cause });
  const pef = async (name: PefParameterName, sizeBytes: number, signal: AbortSignal, selector = 0): Promise<Buffer> =>
    endpoint.ask(getPef(name, selector), (data) => decodePefParameter(data, sizeBytes), signal);
  /** Entries of a table begin with their selector. */
  const table = async <Entry>(
    signal: AbortSignal,
    names: readonly [count: PefParameterName, entry: PefParameterName],
    sizeBytes: number,
    decode: (data: Buffer) => Entry,
  ): Promise<Exclude<Entry, { malformed: true }>[]> => {
    const count = (await pef(names[0], 1, signal))[0]! & 0x7f;
    const entries: Exclude<Entry, { malformed: true }>[] = [];
    for (const selector of IDS(count)) {
      const entry = decode((await pef(names[1], 1 + sizeBytes, signal, selector)).subarray(1));
      if (isMalformed(entry)) throw new BmcError('protocol', `${host}: ${entry.reason}`, 'Look for newer BMC firmware.');
      entries.push(entry as Exclude<Entry, { malformed: true }>);
    }
    return entries;
  };
  const lan = (channel: number, name: LanParameterName, sizeBytes: number, signal: AbortSignal, selector = 0) =>
    endpoint.ask(getLanParameter(channel, name, selector), (data) => decodeLanParameter(data, sizeBytes), signal);
  /** As long as its format makes it. */
  const addressAt = (channel: number, selector: number, signal: AbortSignal) =>
    endpoint.ask(
      getLanParameter(channel, 'destinationAddress', selector),
      (data) => {
        const least = decodeLanParameter(data, DESTINATION_ADDRESS_BYTES);
        return isMalformed(least) ? least : data.subarray(1);
      },
      signal,
    );
  const destinations = async (channel: number, signal: AbortSignal): Promise<TrapTables['destinations']> => {
    const count = (await lan(channel, 'destinationCount', 1, signal))[0]! & 0x0f;
    const all: TrapTables['destinations'][number][] = [];
    for (const selector of IDS(count)) {
      const type = decodeDestinationType(await lan(channel, 'destinationType', 4, signal, selector));
      const address = decodeDestinationAddress(await addressAt(channel, selector, signal));
      const isKnown = !isMalformed(type) && !isMalformed(address) && address !== undefined;
      all.push(isKnown ? { address, isTrap: type.isTrap, isAcknowledged: type.isAcknowledged } : undefined);
    }
    return all;
  };
  const read = async (signal: AbortSignal): Promise<{ tables: TrapTables; channel: number }> => {
    const { actions } = await endpoint.ask(getPefCapabilities, decodePefCapabilities, signal);
    if ((actions & PEF_ACTION.alert) === 0) throw lacks('alerts');
    const channel = await endpoint.channel(signal);
    const tables = {
      control: (await pef('control', 1, signal))[0]!,
      actions: (await pef('actions', 1, signal))[0]!,
      filters: await table(signal, ['filterCount', 'filter'], EVENT_FILTER_BYTES, decodeEventFilter),
      policies: await table(signal, ['policyCount', 'policy'], ALERT_POLICY_BYTES, decodeAlertPolicy),
      destinations: await destinations(channel, signal).catch((error: unknown) => {
        if (error instanceof IpmiCompletionError && error.completion === 0x80) throw lacks('destinations of alerts', error);
        throw error;
      }),
    };
    return { tables, channel };
  };
  const write = async (change: TrapChange, channel: number, signal: AbortSignal): Promise<void> => {
    if (change.table === 'destination') {
      const { selector, address } = change;
      const type = { selector, isAcknowledged: true, waitSeconds: TRAP_WAIT_SECONDS, retries: TRAP_RETRIES };
      await endpoint.call(setLanParameter(channel, 'destinationType', encodeTrapDestination(type)), signal);
      const isTaken = await endpoint.attempt(
        setLanParameter(channel, 'destinationAddress', encodeDestinationAddress(selector, address)),
        isIPv6(address) ? LACKS_IPV6 : [],
        signal,
      );
      if (!isTaken) throw lacks('destinations over IPv6');
    } else if (change.table === 'filter' || change.table === 'policy') {
      const bytes = change.table === 'filter' ? encodeEventFilter(change.entry) : encodeAlertPolicy(change.entry);
      await endpoint.call(setPef(change.table, [change.selector, ...bytes]), signal);
    } else await endpoint.call(setPef(change.table, [change.value]), signal);
  };
  const carryOut = async (changes: readonly TrapChange[], channel: number, signal: AbortSignal): Promise<void> => {
    const optional = (request: Parameters<IpmiEndpoint['call']>[0]) => endpoint.call(request, signal, { tolerate: OPTIONAL });
    await optional(armPefTimer(CHANGING_SECONDS));
    try {
      for (const change of changes) await write(change, channel, signal);
    } finally {
      await optional(armPefTimer(PEF_TIMER.off));
    }
  };
  const putCommunity = async (channel: number, community: string, signal: AbortSignal): Promise<boolean> => {
    const wanted = Buffer.alloc(COMMUNITY_BYTES);
    wanted.write(community, 'latin1');
    if ((await lan(channel, 'community', COMMUNITY_BYTES, signal)).equals(wanted)) return false;
    await endpoint.call(setLanParameter(channel, 'community', wanted), signal);
    return true;
  };

  return {
    async eventFiltering(signal): Promise<EventFiltering> {
      const { tables } = await read(signal);
      return {
        isEnabled: (tables.control & PEF_ENABLED) !== 0 && (tables.actions & PEF_ACTION.alert) !== 0,
        alertingFilters: alertingFilters(tables.filters).length,
        receivers: tables.destinations
          .flatMap((each) => (each?.isTrap && each.address !== NO_ADDRESS ? [each] : []))
          .map(({ address, isAcknowledged }) => ({ address, isAcknowledged })),
      };
    },
    async enrollTraps({ address, community }: TrapReceiver, signal) {
      const { tables, channel } = await read(signal);
      const plan = planEnrolment(tables, address, channel);
      if ('lacks' in plan)
        throw new BmcError(
          'busy',
          `${host}: there is no room for more ${plan.lacks}`,
          'Remove entries that nobody needs from its event filtering.',
        );
      const isNewCommunity = await putCommunity(channel, community.reveal(), signal);
      if (plan.length > 0) await carryOut(plan, channel, signal);
      return isNewCommunity || plan.length > 0;
    },
    async withdrawTraps(address, signal) {
      const { tables, channel } = await read(signal);
      const plan = planWithdrawal(tables, address, channel);
      if (plan.length > 0) await carryOut(plan, channel, signal);
    },
    async tryTraps(address, signal) {
      const channel = await endpoint.channel(signal);
      const selector = (await destinations(channel, signal)).findIndex((each) => each?.address === address) + 1;
      if (selector === 0) throw new BmcError('refused', `${host}: ${address} gets no traps`, 'Enroll it first.');
      await endpoint.call(sendAlert(channel, selector), signal, { repeatable: false });
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const status = (await endpoint.call(getAlertStatus(channel, selector), signal))[0];
        if (status === ALERT_STATUS.done) return 'reached';
        if (status !== ALERT_STATUS.underWay) return 'unanswered';
        await clock.sleep(TRY_PAUSE_MS, signal);
      }
      return 'unanswered';
    },
    async acknowledgeTrap({ acknowledgement }, signal) {
      await endpoint.callOutside({ netFn: NET_FN.sensor, command: EVENT_COMMAND.acknowledge, data: acknowledgement }, signal);
    },
  };
}
