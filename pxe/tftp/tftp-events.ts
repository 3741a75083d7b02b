import type { Clock } from '../../core/base/clock.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { BootClient } from '../model/boot-directory.ts';
import type { TransferSettings } from './tftp-transfer-policy.ts';
import type { TftpTransferResult } from './tftp-transfer.ts';

interface TftpEventOptions {
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly clock: Clock;
}

export interface ToldFile {
  readonly path: string;
  readonly startedMs: number;
  readonly evidence?: JsonObject;
}

/** Tells the flight recorder how a transfer ended, and counts it. */
export function tellEnd(
  options: TftpEventOptions,
  client: BootClient,
  { path, startedMs, evidence = {} }: ToldFile,
  settings: TransferSettings,
  result: TftpTransferResult,
): void {
  const milliseconds = options.clock.nowMs() - startedMs;
  const ok = result.outcome === 'complete';
  // Firmware asks for the size first and then says that it has seen enough: no failure.
  const probe = result.outcome === 'client-error' && result.bytesAcknowledged === 0;
  options.counters.add(`tftp.${probe ? 'probe' : result.outcome}`);
  options.counters.add('tftp.bytes', result.bytesAcknowledged);
  options.counters.add('tftp.retransmits', result.retransmits);
  options.recordEvent({
    atMs: options.clock.nowMs(),
    source: 'tftp',
    kind: ok ? 'tftp.read' : probe ? 'tftp.probe' : 'tftp.failed',
    severity: ok ? 'info' : probe ? 'debug' : 'warning',
    message: ok
      ? `${client.ipAddress} read ${path}: ${result.bytesAcknowledged} bytes in ${milliseconds} ms`
      : `${client.ipAddress} did not finish ${path}: ${result.outcome}${result.detail ? ` (${result.detail.slice(0, 100)})` : ''} after ${result.bytesAcknowledged} bytes`,
    machine: {
      ...(client.mac ? { mac: client.mac } : {}),
      ...(client.nodeId ? { nodeId: client.nodeId } : {}),
      ipAddress: client.ipAddress,
    },
    evidence: {
      ...evidence,
      path,
      bytes: result.bytesAcknowledged,
      milliseconds,
      retransmits: result.retransmits,
      blockBytes: settings.blockBytes,
      windowBlocks: settings.windowBlocks,
      // Less than the window: this client loses what comes faster.
      burstBlocks: Math.min(result.pace.burstBlocks, settings.windowBlocks),
      outcome: result.outcome,
    },
  });
}
