import type { Clock } from '../../core/base/clock.ts';
import type { MacAddress } from '../../core/base/mac-address.ts';
import type { MachineEvent, RecordEvent } from '../../core/base/machine-event.ts';
import type { BootClient, BootScript } from '../model/boot-directory.ts';

/** What the flight recorder is told of answers over HTTP. */
interface HttpEventOptions {
  readonly recordEvent: RecordEvent;
  readonly clock: Clock;
}

interface HttpCall {
  readonly client: BootClient;
  readonly startedMs: number;
  readonly id: string;
  /** Without tokens, which open doors. */
  readonly shownPath: string;
}

export interface FileEnd {
  readonly outcome: 'complete' | 'client-gone' | 'file-short';
  readonly start: number;
  readonly sent: number;
  readonly wanted: number;
}

export const machineOf = (client: BootClient): MachineEvent['machine'] => ({
  ...(client.mac ? { mac: client.mac } : {}),
  ...(client.nodeId ? { nodeId: client.nodeId } : {}),
  ipAddress: client.ipAddress,
});

/** @param told.said the query of the request: what iPXE says of the machine. */
export function tellScript(
  { recordEvent, clock }: HttpEventOptions,
  { client, id }: Pick<HttpCall, 'client' | 'id'>,
  { mac, script, said }: { mac: MacAddress; script: BootScript; said: URLSearchParams },
): void {
  const { host } = script;
  const fact = (name: string) =>
    said
      .get(name)
      ?.replace(/[^\x20-\x7e]/g, '?')
      .slice(0, 100) ?? '';
  recordEvent({
    atMs: clock.nowMs(),
    source: 'http',
    kind: 'http.script',
    severity: 'info',
    correlationId: id,
    machine: { ...machineOf(client), mac, ...(host ? { nodeId: host.nodeId } : {}) },
    message: `${host?.name ?? mac} gets the ${script.kind} script: ${script.reason}`,
    evidence: { intent: script.kind, uuid: fact('uuid'), serial: fact('serial'), platform: fact('platform') },
  });
}

export const tellFileStart = (options: HttpEventOptions, call: HttpCall, evidence: { start: number; bytes: number }): void =>
  tell(options, call, {
    kind: 'http.start',
    severity: 'debug',
    evidence,
    message: `${call.client.ipAddress} starts to read ${call.shownPath}`,
  });

export function tellFile(options: HttpEventOptions, call: HttpCall, { outcome, start, sent, wanted }: FileEnd): void {
  const { ipAddress } = call.client;
  const milliseconds = options.clock.nowMs() - call.startedMs;
  if (outcome === 'complete')
    return tell(options, call, {
      kind: 'http.get',
      severity: 'info',
      message: `${ipAddress} read ${call.shownPath}: ${sent} bytes in ${milliseconds} ms`,
      evidence: { start, bytes: sent, milliseconds },
    });
  const why = outcome === 'client-gone' ? 'the client went away' : 'the file became shorter while it was sent';
  tell(options, call, {
    kind: 'http.aborted',
    severity: 'warning',
    message: `${ipAddress} got ${sent} of ${wanted} bytes of ${call.shownPath}: ${why}`,
    evidence: { start, bytes: sent, wanted, milliseconds },
  });
}

const tell = (
  { recordEvent, clock }: HttpEventOptions,
  { client, id, shownPath }: HttpCall,
  event: Pick<MachineEvent, 'kind' | 'severity' | 'message'> & { readonly evidence: NonNullable<MachineEvent['evidence']> },
): void =>
  recordEvent({
    ...event,
    atMs: clock.nowMs(),
    source: 'http',
    machine: machineOf(client),
    correlationId: id,
    evidence: { path: shownPath, ...event.evidence },
  });
