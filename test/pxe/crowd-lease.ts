export interface CrowdLease {
  readonly client: number;
  readonly address: string;
  readonly server: string;
  /** From the first packet to the ACK. */
  readonly ms: number;
  /** Packets that the client sent for it. */
  readonly packets: number;
}

/** A client asks again after a second. */
export const AGAIN_MS = 1000;
export const TRIES_MAX = 30;
export const INTERFACE = 'br0';

/** Many clients of one family on one socket. Each rejects when it gets nothing in `TRIES_MAX` tries, or is refused what it had. */
export interface Crowd {
  acquire(client: number): Promise<CrowdLease>;
  renew(client: number, lease: CrowdLease): Promise<CrowdLease>;
}
