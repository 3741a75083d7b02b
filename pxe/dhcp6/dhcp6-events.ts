import type { Clock } from '../../core/base/clock.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { EventGate } from '../model/event-gate.ts';
import type { Dhcp6Reply, Dhcp6Silence } from './dhcp6-policy.ts';
import { MESSAGE6 } from './dhcp6-option-codec.ts';

export interface Dhcp6EventOptions {
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly gate: EventGate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a packet was and where it came in. */
export interface Dhcp6Occasion {
  readonly type: number;
  readonly transaction: number;
  readonly via: string;
}

/** Tells the flight recorder what became of each DHCPv6 packet. */
export interface Dhcp6Events {
  reply(reply: Dhcp6Reply, occasion: Dhcp6Occasion): void;
  silence(quiet: Dhcp6Silence, occasion: Dhcp6Occasion): void;
  malformed(address: string, reason: string, offset: number): void;
  journalFailure(reply: Dhcp6Reply, error: NodeJS.ErrnoException): void;
  sendFailure(address: string, error: NodeJS.ErrnoException): void;
}

const NAMES = new Map<number, string>(Object.entries(MESSAGE6).map(([name, type]) => [type, name]));
const nameOf = (type: number): string => NAMES.get(type) ?? `type ${type}`;

const evidenceOf = (decision: Dhcp6Reply | Dhcp6Silence, { type, transaction, via }: Dhcp6Occasion): JsonObject => {
  const { facts } = decision;
  return {
    ...(decision.kind === 'reply' && decision.inPlaceOf ? { inPlaceOf: decision.inPlaceOf } : {}),
    ...(decision.kind === 'silence' && decision.leftTo ? { leftTo: decision.leftTo } : {}),
    ...(decision.kind === 'reply' && decision.rack ? { rack: decision.rack } : {}),
    xid: transaction,
    via,
    request: nameOf(type),
    ...(facts?.duid ? { duid: facts.duid.toString('hex') } : {}),
    ...(facts?.firmware.vendorClass ? { vendorClass: facts.firmware.vendorClass } : {}),
    ...(facts?.firmware.userClasses.length ? { userClasses: [...facts.firmware.userClasses] } : {}),
    ...(facts?.firmware.architecture === undefined ? {} : { architecture: facts.firmware.architecture }),
  };
};

const LOUD: ReadonlySet<Dhcp6Silence['reason']> = new Set([
  'no-link-layer-address',
  'no-subnet',
  'other-server-chosen',
  'declines-too-often',
]);

export function createDhcp6Events({ counters, recordEvent, gate, clock, logger }: Dhcp6EventOptions): Dhcp6Events {
  return {
    reply(reply, occasion) {
      const { facts, host, address } = reply;
      recordEvent({
        atMs: clock.nowMs(),
        source: 'dhcp',
        kind: `dhcp6.${reply.type}`,
        severity: reply.severity ?? 'info',
        message: `DHCPv6 ${reply.type.toUpperCase()} to ${host?.name ?? facts.mac} for its ${nameOf(occasion.type)}: ${reply.why}`,
        machine: { mac: facts.mac, ...(host ? { nodeId: host.nodeId } : {}), ...(address === undefined ? {} : { ipAddress: address }) },
        correlationId: `dhcp6-${facts.mac}-${occasion.transaction.toString(16)}`,
        evidence: evidenceOf(reply, occasion),
      });
    },
    silence(quiet, occasion) {
      counters.add(`dhcp6.silence.${quiet.reason}`);
      const mac = quiet.facts?.mac;
      const told = gate.record(`dhcp6 ${quiet.reason} ${mac ?? occasion.via}`, {
        source: 'dhcp',
        kind: 'dhcp6.silence',
        severity: LOUD.has(quiet.reason) ? 'warning' : 'debug',
        message: quiet.why,
        machine: { mac: mac ?? 'unknown', ...(quiet.host ? { nodeId: quiet.host.nodeId } : {}) },
        evidence: { reason: quiet.reason, ...evidenceOf(quiet, occasion) },
      });
      if (!told) counters.add('dhcp6.event-held-back');
    },
    malformed(address, reason, offset) {
      counters.add('dhcp6.drop.malformed');
      gate.record(`dhcp6 malformed ${address}`, {
        source: 'dhcp',
        kind: 'dhcp6.malformed',
        severity: 'warning',
        message: `a packet from ${address} is not DHCPv6: ${reason} (byte ${offset})`,
        machine: { ipAddress: address },
      });
    },
    journalFailure({ facts }, error) {
      counters.add('dhcp6.drop.journal');
      logger.error({ err: error, mac: facts.mac }, 'a lease could not be written to disk; no REPLY was given');
      gate.record(`journal ${facts.mac}`, {
        source: 'dhcp',
        kind: 'dhcp.journal-failed',
        severity: 'error',
        machine: { mac: facts.mac },
        message: `${facts.mac} got no REPLY: its lease could not be written to disk (${error.code ?? error.message}); check the boot server’s data disk, the machine asks again by itself`,
        evidence: { code: error.code ?? 'unknown' },
      });
    },
    sendFailure(address, error) {
      counters.add(`dhcp6.drop.send-${error.code ?? 'error'}`);
      gate.record(`dhcp6 send ${address}`, {
        source: 'dhcp',
        kind: 'dhcp6.send-failed',
        severity: 'error',
        message: `a DHCPv6 reply to ${address} could not be sent: ${error.message}`,
        machine: { ipAddress: address },
      });
    },
  };
}
