import type { BmcModel } from '../bmc-model.ts';

/** Who sent a command: a LAN session with its present privilege, or the machine itself over its KCS port. */
export interface Caller {
  readonly via: 'lan' | 'system';
  readonly privilege: number;
  /** The number of the LAN channel. Default: 1. */
  readonly lanChannel?: number;
  readonly session?: CallerSession;
}

/** What a command may do to the session that it came in. */
export interface CallerSession {
  readonly managedSessionId: number;
  readonly handle: number;
  readonly userId: number;
  readonly privilegeMax: number;
  readonly remote: { readonly address: string; readonly port: number };
  setPrivilege(privilege: number): void;
  /** False when there is no such session. */
  close(managedSessionId: number): boolean;
  counts(): { readonly possible: number; readonly active: number };
  activateSol(): number | Buffer;
  deactivateSol(): number;
  solActive(): boolean;
  /** A message of its own, after the answer to this command. */
  sendLater(message: Buffer): void;
}

/** Data after an `ok` completion code, a completion code alone, or a warning of one with data. */
export type CommandResult = Buffer | number | { readonly completion: number; readonly data: Buffer };

export interface CommandHandler {
  /** Lowest privilege level that may send it over the LAN (IPMI 2.0 appendix G). */
  readonly privilege: number;
  /** Shortest request data. */
  readonly bytesMin?: number;
  run(bmc: BmcModel, data: Buffer, caller: Caller): CommandResult;
}

export type CommandTable = Readonly<Record<number, CommandHandler>>;
