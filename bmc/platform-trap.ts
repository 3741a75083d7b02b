import type { Secret } from '../core/base/secret.ts';

/** What a BMC's event filtering sends by itself: a trap of SNMPv1 in the form of PET (Platform Event Trap Format Specification 1.0). */
export interface PlatformTrap {
  readonly community: string;
  /** The BMC's number of this event; the same again when it is sent again. */
  readonly sequence: number;
  /** Of the system, as the BMC knows it. */
  readonly guid: string;
  readonly atMs: number | undefined;
  readonly severity: 'ok' | 'warning' | 'critical';
  /** One line. */
  readonly message: string;
  /** IPMI 2.0 table 42-3. */
  readonly sensorType: number;
  /** Undefined: no sensor's. */
  readonly sensorNumber: number | undefined;
  readonly eventType: number;
  /** Which state of the sensor. */
  readonly offset: number;
  /** The state is over. */
  readonly isOver: boolean;
  readonly entity: number;
  readonly entityInstance: number;
  readonly manufacturerId: number;
  readonly systemId: number;
  /** What the BMC wants to hear back. */
  readonly acknowledgement: Buffer;
}

export interface TrapReceiver {
  /** IPv4 or IPv6; the BMC sends to UDP port 162 of it. */
  readonly address: string;
  readonly community: Secret;
}

/** How a BMC's event filtering stands. */
export interface EventFiltering {
  readonly isEnabled: boolean;
  /** Filters that are enabled and alert somebody. */
  readonly alertingFilters: number;
  /** Where it sends traps to. */
  readonly receivers: readonly { readonly address: string; readonly isAcknowledged: boolean }[];
}

export interface PlatformTrapCalls {
  eventFiltering(signal: AbortSignal): Promise<EventFiltering>;
  /**
   * The receiver is told of every event, and what others have set up stays. True: something had to be changed. `busy`: its tables have no room.
   */
  enrollTraps(receiver: TrapReceiver, signal: AbortSignal): Promise<boolean>;
  /** One that is not told is no error. */
  withdrawTraps(address: string, signal: AbortSignal): Promise<void>;
  /** The BMC sends this receiver a trap of no event, and says how that went. */
  tryTraps(address: string, signal: AbortSignal): Promise<'reached' | 'unanswered'>;
  /** Else the BMC sends it again. */
  acknowledgeTrap(trap: PlatformTrap, signal: AbortSignal): Promise<void>;
}
