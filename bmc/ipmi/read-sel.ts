import type { Clock } from '../../core/base/clock.ts';
import type { HardwareLogEntry } from '../hardware-log.ts';
import { COMPLETION } from './completion-code-codec.ts';
import { IpmiCompletionError, type IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeReservation } from './sdr-repository-codec.ts';
import {
  clearSel,
  decodeClearProgress,
  decodeSelCount,
  decodeSelEntry,
  decodeSelTime,
  getSelEntry,
  getSelInfo,
  getSelTime,
  localTimeOffset,
  reserveSel,
  SEL_LAST,
} from './sel-codec.ts';

/** Logs hold 512 to 4096 records; a list that runs in a circle is broken. */
const RECORDS_MAX = 16_384;
const ERASE_PAUSE_MS = 300;

/** A BMC that does not tell its time has none that could be put right. */
async function clockAhead(endpoint: IpmiEndpoint, clock: Clock, signal: AbortSignal): Promise<number> {
  try {
    return localTimeOffset(await endpoint.ask(getSelTime, decodeSelTime, signal), clock.nowMs() / 1000);
  } catch (error) {
    if (error instanceof IpmiCompletionError && !error.retryable) return 0;
    throw error;
  }
}

export async function readSel(endpoint: IpmiEndpoint, clock: Clock, signal: AbortSignal): Promise<HardwareLogEntry[]> {
  if ((await endpoint.ask(getSelInfo, decodeSelCount, signal)) === 0) return [];
  const aheadSeconds = await clockAhead(endpoint, clock, signal);
  const entries: HardwareLogEntry[] = [];
  for (let id = 0; id !== SEL_LAST && entries.length < RECORDS_MAX;) {
    try {
      const { next, event } = await endpoint.ask(getSelEntry(id), decodeSelEntry, signal);
      entries.push({
        id: String(event.id),
        ...(event.atSeconds === undefined ? {} : { atMs: (event.atSeconds - aheadSeconds) * 1000 }),
        severity: event.severity,
        message: event.message,
        ...(event.sensorType === undefined ? {} : { sensor: event.sensorType }),
      });
      id = next;
    } catch (error) {
      // Somebody else cleared it meanwhile: what was read is what there was.
      if (error instanceof IpmiCompletionError && error.completion === COMPLETION.notPresent) break;
      throw error;
    }
  }
  return entries;
}

export async function eraseSel(endpoint: IpmiEndpoint, clock: Clock, signal: AbortSignal): Promise<void> {
  const reservation = await endpoint.ask(reserveSel, decodeReservation, signal);
  let isErased = await endpoint.ask(clearSel(reservation, 'start'), decodeClearProgress, signal);
  while (!isErased) {
    await clock.sleep(ERASE_PAUSE_MS, signal);
    isErased = await endpoint.ask(clearSel(reservation, 'status'), decodeClearProgress, signal);
  }
}
