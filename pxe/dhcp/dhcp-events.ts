import type { Clock } from '../../core/base/clock.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { EventGate } from '../model/event-gate.ts';
import type { LeaseQueryAnswer } from './lease-query-policy.ts';
import type { DhcpReply, DhcpSilence, RelayFacts } from './dhcp-exchange.ts';

export interface DhcpEventOptions {
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly gate: EventGate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tells the flight recorder what became of each packet. `via` says where it came in. */
export interface DhcpEvents {
  reply(reply: DhcpReply, xid: number, via: string): void;
  silence(quiet: DhcpSilence, xid: number, via: string): void;
  malformed(address: string, reason: string, offset: number): void;
  /** An address that was about to be offered answered; `by` is undefined where a router hides who. */
  conflict(reply: DhcpReply, address: string, by: string | undefined): void;
  leaseQuery(answer: LeaseQueryAnswer, relay: string): void;
  journalFailure(decision: DhcpReply | DhcpSilence, error: NodeJS.ErrnoException): void;
  sendFailure(address: string, error: NodeJS.ErrnoException): void;
}

const SEVERITY: Partial<Record<DhcpSilence['reason'], 'warning' | 'info'>> = {
  'pool-exhausted': 'warning',
  'no-pool': 'warning',
  declined: 'warning',
  'declines-too-often': 'warning',
  'no-subnet': 'warning',
  'other-server-chosen': 'warning',
  released: 'info',
  'no-proxy-here': 'warning',
  'unknown-vpn': 'warning',
  'address-of-peer': 'info',
};

const relayEvidence = (relay: RelayFacts | undefined): JsonObject => {
  const { circuitId, remoteId, network, isUnicast } = relay?.information ?? {};
  return {
    ...(relay?.rule ? { rack: relay.rule.rule.rack } : {}),
    ...(circuitId === undefined ? {} : { circuitId }),
    ...(remoteId === undefined ? {} : { remoteId }),
    ...(network ? { vpn: network } : {}),
    ...(isUnicast === undefined ? {} : { relayedUnicast: isUnicast }),
  };
};

const evidenceOf = (decision: DhcpReply | DhcpSilence, xid: number, via: string): JsonObject => ({
  xid,
  via,
  ...(decision.facts?.firmware.vendorClass ? { vendorClass: decision.facts.firmware.vendorClass } : {}),
  ...(decision.facts?.firmware.userClasses.length ? { userClasses: [...decision.facts.firmware.userClasses] } : {}),
  ...(decision.facts?.firmware.architecture === undefined ? {} : { architecture: decision.facts.firmware.architecture }),
  ...(decision.facts?.secs ? { secs: decision.facts.secs } : {}),
  ...(decision.facts?.machineUuid ? { machineUuid: decision.facts.machineUuid } : {}),
  ...(decision.kind === 'reply' && decision.inPlaceOf ? { inPlaceOf: decision.inPlaceOf } : {}),
  ...(decision.kind === 'silence' && decision.leftTo ? { leftTo: decision.leftTo } : {}),
  ...(decision.kind === 'reply' && decision.classes ? { classes: [...decision.classes] } : {}),
  ...relayEvidence(decision.relay),
  ...(decision.facts?.hostname ? { hostname: decision.facts.hostname } : {}),
});

export function createDhcpEvents({ counters, recordEvent, gate, clock, logger }: DhcpEventOptions): DhcpEvents {
  const tellReply = (reply: DhcpReply, xid: number, via: string) => {
    const { facts, host } = reply;
    const machine = {
      mac: facts.mac,
      ...(host ? { nodeId: host.nodeId } : {}),
      ...(reply.message.yiaddr ? { ipAddress: ipv4FromNumber(reply.message.yiaddr) } : {}),
    };
    const correlationId = `dhcp-${facts.mac}-${xid.toString(16)}`;
    const common = { source: 'dhcp' as const, machine, correlationId, evidence: evidenceOf(reply, xid, via) };
    recordEvent({
      ...common,
      atMs: clock.nowMs(),
      kind: `dhcp.${reply.type}`,
      severity: reply.type === 'nak' ? 'warning' : 'info',
      message: `${reply.type.toUpperCase()} to ${host?.name ?? facts.mac}${reply.relay?.rule ? ` in rack ${reply.relay.rule.rule.rack}` : ''}: ${reply.why}`,
    });
    for (const note of reply.notes)
      gate.record(`${note.kind} ${facts.mac}`, { ...common, kind: note.kind, severity: 'warning', message: note.message });
  };

  const tellSilence = (quiet: DhcpSilence, xid: number, via: string) => {
    counters.add(`dhcp.silence.${quiet.reason}`);
    const severity = SEVERITY[quiet.reason] ?? 'debug';
    const kind = ['released', 'declined', 'pool-exhausted'].includes(quiet.reason) ? `dhcp.${quiet.reason}` : 'dhcp.silence';
    const machine = { mac: quiet.facts?.mac ?? 'unknown', ...(quiet.host ? { nodeId: quiet.host.nodeId } : {}) };
    const told = gate.record(`${quiet.reason} ${machine.mac}`, {
      source: 'dhcp',
      kind,
      severity,
      message: quiet.why,
      machine,
      evidence: { reason: quiet.reason, ...evidenceOf(quiet, xid, via) },
      correlationId: `dhcp-${machine.mac}-${xid.toString(16)}`,
    });
    if (!told) counters.add('dhcp.event-held-back');
  };

  const tellJournalFailure = (decision: DhcpReply | DhcpSilence, error: NodeJS.ErrnoException) => {
    counters.add('dhcp.drop.journal');
    const advice =
      error.code === 'ENOSPC' || error.code === 'EDQUOT'
        ? 'free space on the boot server’s data disk'
        : 'check the boot server’s data disk';
    const mac = decision.facts?.mac ?? 'unknown';
    logger.error({ err: error, mac }, 'a lease could not be written to disk; no ACK was given');
    gate.record(`journal ${mac}`, {
      source: 'dhcp',
      kind: 'dhcp.journal-failed',
      severity: 'error',
      machine: { mac },
      message: `${mac} got no ACK: its lease could not be written to disk (${error.code ?? error.message}); ${advice}, the machine asks again by itself`,
      evidence: { code: error.code ?? 'unknown' },
    });
  };

  return {
    reply: tellReply,
    silence: tellSilence,
    journalFailure: tellJournalFailure,
    leaseQuery(answer, relay) {
      counters.add(answer.kind === 'answer' ? `dhcp.lease-query.${answer.type}` : `dhcp.silence.lease-query-${answer.reason}`);
      gate.record(`lease query ${relay} ${answer.kind}`, {
        source: 'dhcp',
        kind: 'dhcp.lease-query',
        severity: answer.kind === 'answer' ? 'debug' : 'warning',
        machine: { ipAddress: relay },
        message: answer.kind === 'answer' ? `relay ${relay} asked who has an address: ${answer.why}` : answer.why,
      });
    },
    conflict({ facts, host }, address, by) {
      counters.add('dhcp.address-conflict');
      gate.record(`conflict ${address}`, {
        source: 'dhcp',
        kind: 'dhcp.address-conflict',
        severity: 'warning',
        machine: { mac: facts.mac, ...(host ? { nodeId: host.nodeId } : {}), ipAddress: address },
        message: `${address} was to be offered to ${host?.name ?? facts.mac}, but ${by ?? 'somebody behind a relay'} uses it; it is set aside for an hour: find that device, or take the address out of the pool`,
        evidence: by === undefined ? {} : { usedBy: by },
      });
    },
    malformed(address, reason, offset) {
      counters.add('dhcp.drop.malformed');
      gate.record(`malformed ${address}`, {
        source: 'dhcp',
        kind: 'dhcp.malformed',
        severity: 'warning',
        message: `a packet from ${address} is not DHCP: ${reason} (byte ${offset})`,
        machine: { ipAddress: address },
      });
    },
    sendFailure(address, error) {
      counters.add(`dhcp.drop.send-${error.code ?? 'error'}`);
      gate.record(`send ${address}`, {
        source: 'dhcp',
        kind: 'dhcp.send-failed',
        severity: 'error',
        message: `a DHCP reply to ${address} could not be sent: ${error.message}`,
        machine: { ipAddress: address },
      });
    },
  };
}
