import type { MacAddress } from '../../core/base/mac-address.ts';
import { chooseAnswerer } from './answer-share-policy.ts';
import type { LeaseSharing } from './lease-sharing.ts';

/** What the DHCP policies of both families ask about a network's other boot servers. */
export interface AnswerView {
  /**
   * Who answers a client that has chosen no server: undefined, we do, as we should; `by`: another does; `inPlaceOf`: we do, as it does not.
   *
   * @param seconds for how long the client says that it has been asking
   */
  answererOf(subnetId: string, mac: MacAddress, seconds: number, nowMs: number): Answerer | undefined;
  /** @param server IPv4 address, or the DUID in hex */
  isPeer(subnetId: string, server: string): boolean;
  isShared(subnetId: string): boolean;
}

/** What is seen of the others now. */
export interface PeerSight {
  isAlive(subnetId: string, peer: string): boolean;
  hasDuid(subnetId: string, duid: string): boolean;
}

export type Answerer = { readonly by: string; readonly inPlaceOf?: undefined } | { readonly by?: undefined; readonly inPlaceOf: string };

/** Clients whose requests are counted; beyond it the oldest is forgotten, and waits for one request more. */
const LEFT_CLIENTS_MAX = 16_384;
/** A client that comes again after this time begins anew. */
const LEFT_MS = 60_000;

/** Counts the requests that were left to another server, so that its silence shows. */
export class AnswerBook implements AnswerView {
  readonly #sharing: LeaseSharing;
  readonly #peers: PeerSight;
  readonly #left = new Map<MacAddress, { count: number; atMs: number }>();

  constructor(sharing: LeaseSharing, peers: PeerSight) {
    this.#sharing = sharing;
    this.#peers = peers;
  }

  isPeer(subnetId: string, server: string): boolean {
    return this.#sharing.network(subnetId)?.outboxes.has(server) === true || this.#peers.hasDuid(subnetId, server);
  }

  answererOf(subnetId: string, mac: MacAddress, seconds: number, nowMs: number): Answerer | undefined {
    const share = this.#sharing.network(subnetId)?.share;
    if (share === undefined || share.members.length < 2) return undefined;
    const before = this.#left.get(mac);
    const leftBefore = before !== undefined && nowMs - before.atMs < LEFT_MS ? before.count : 0;
    const isAlive = (peer: string) => this.#peers.isAlive(subnetId, peer);
    const { by, inPlaceOf } = chooseAnswerer({ ...share, mac, isAlive, seconds, leftBefore });
    if (by !== share.self) return { by };
    return inPlaceOf === undefined ? undefined : { inPlaceOf };
  }

  isShared(subnetId: string): boolean {
    return (this.#sharing.network(subnetId)?.share.members.length ?? 0) > 1;
  }

  noteLeft(mac: MacAddress, nowMs: number): void {
    const before = this.#left.get(mac);
    const count = before !== undefined && nowMs - before.atMs < LEFT_MS ? before.count + 1 : 1;
    this.#left.delete(mac);
    this.#left.set(mac, { count, atMs: nowMs });
    if (this.#left.size > LEFT_CLIENTS_MAX) this.#left.delete(this.#left.keys().next().value!);
  }

  /** It has chosen a server, so one of them answers. */
  noteChosen(mac: MacAddress): void {
    this.#left.delete(mac);
  }
}

/** After each decision of either family: what was left is counted, until the client has chosen. */
export function noteAnswer(
  answers: AnswerBook | undefined,
  decision: { readonly kind: string; readonly reason?: string; readonly facts?: { readonly mac: MacAddress } },
  nowMs: number,
): void {
  if (answers === undefined || decision.facts === undefined) return;
  if (decision.reason === 'left-to-peer') answers.noteLeft(decision.facts.mac, nowMs);
  else if (decision.reason === 'peer-chosen' || decision.kind === 'reply') answers.noteChosen(decision.facts.mac);
}
