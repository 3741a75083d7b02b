import type { BootHost, LeaseRecord } from '../boot-model.ts';
import type { ProbeWay } from '../conflict/address-prober.ts';
import type { AnswerView } from '../sharing/answer-book.ts';
import type { LeaseView } from '../lease/lease-table.ts';
import type { IndexedSubnet, ModelIndex } from '../model/model-index.ts';
import type { DhcpClientFacts } from './dhcp-client-facts.ts';
import type { DhcpMessage } from './dhcp-message-codec.ts';
import type { IndexedRelayRule } from '../model/relay-rule-policy.ts';
import type { RelayInformation } from './relay-information-codec.ts';
import type { DhcpDestination } from './dhcp-reply-policy.ts';

/** What a DHCP decision is made of, and what comes out of it. */
export interface DhcpContext {
  readonly index: ModelIndex;
  readonly leases: LeaseView;
  /** The interface that the packet came in on, where it is known. */
  readonly interface?: string | undefined;
  readonly httpPort: number;
  readonly nowMs: number;
  /** Where a packet to port 4011 came from: PXE clients ask a proxy there for their boot file. */
  readonly proxyAskedFrom?: { readonly address: number; readonly port: number } | undefined;
  /** Absent: no other boot server serves these networks. */
  readonly answers?: AnswerView | undefined;
}

export type SilenceReason =
  | 'not-a-request'
  | 'unusable-request'
  | 'unknown-message-type'
  | 'no-subnet'
  | 'stranger-not-answered'
  | 'network-withdrawn'
  | 'not-booting'
  | 'left-to-other-server'
  | 'no-proxy-here'
  | 'unknown-vpn'
  | 'no-pool'
  | 'pool-exhausted'
  | 'other-server-chosen'
  | 'no-record-of-client'
  | 'released'
  | 'not-the-holder'
  | 'declined'
  | 'declines-too-often'
  | 'left-to-peer'
  | 'peer-chosen'
  | 'address-of-peer';

/** Goes on after the client's MAC address. */
export const WITHDRAWN = 'is on a network that was taken from the DHCP agent of this host (network agent add network --dhcp gives it back)';

export interface DhcpNote {
  readonly kind: string;
  readonly message: string;
}

/** What the relay said of the client's port, and the rule that fits it. */
export interface RelayFacts {
  readonly information: RelayInformation;
  readonly rule?: IndexedRelayRule | undefined;
}

export type LeaseDraft = Omit<LeaseRecord, 'sequence'>;

export interface DhcpReply {
  readonly kind: 'reply';
  readonly type: 'offer' | 'ack' | 'nak';
  readonly message: DhcpMessage;
  readonly destination: DhcpDestination;
  readonly sizeMax: number;
  readonly facts: DhcpClientFacts;
  readonly host: BootHost | undefined;
  /** An address to keep for the client until it asks for it. */
  readonly hold?: number;
  /** Names of the client's classes, where it is in any. */
  readonly classes?: readonly string[];
  /** The boot server that should have answered. */
  readonly inPlaceOf?: string;
  /** The offered address is to be asked after before the offer leaves. */
  readonly probe?: { readonly way: ProbeWay; readonly subnetId: string };
  /** What must be durable before the reply leaves. */
  readonly leases: readonly LeaseDraft[];
  readonly why: string;
  readonly relay?: RelayFacts | undefined;
  /** Things an operator should hear about. */
  readonly notes: readonly DhcpNote[];
}

export interface DhcpSilence {
  readonly kind: 'silence';
  readonly reason: SilenceReason;
  readonly why: string;
  readonly facts?: DhcpClientFacts;
  readonly host?: BootHost | undefined;
  readonly relay?: RelayFacts | undefined;
  readonly leases: readonly LeaseDraft[];
  readonly dropOffer?: number;
  /** The boot server that is to answer. */
  readonly leftTo?: string;
  /** The first addresses of pools that were found full. */
  readonly exhausted?: readonly number[];
}

export interface Exchange extends DhcpContext {
  readonly request: DhcpMessage;
  readonly facts: DhcpClientFacts;
  readonly host: BootHost | undefined;
  readonly subnets: readonly IndexedSubnet[];
  readonly relay: RelayFacts | undefined;
}

export const silence = (
  exchange: Pick<Exchange, 'facts' | 'host' | 'relay'>,
  reason: SilenceReason,
  why: string,
  leases: LeaseDraft[] = [],
): DhcpSilence => ({
  kind: 'silence',
  reason,
  why,
  facts: exchange.facts,
  host: exchange.host,
  relay: exchange.relay,
  leases,
});
