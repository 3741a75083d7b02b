import type { BmcUser } from './capability.ts';

/** How a BMC lets in who comes over the network by IPMI; Redfish has TLS and accounts alone. */
export interface NetworkLogin {
  /** When there are logins at all. */
  readonly access: 'disabled' | 'pre-boot' | 'always' | 'shared';
  /** The most that anybody may do who comes this way. */
  readonly privilegeLimit: BmcUser['privilege'];
  readonly cipherSuites: readonly CipherSuiteAccess[];
}

export interface CipherSuiteAccess {
  /** IPMI 2.0 table 22-20. */
  readonly suite: number;
  /** `none`: it opens no session. */
  readonly privilege: BmcUser['privilege'];
  /** It proves no password (suite 0), signs or encrypts nothing, or relies on MD5 or RC4. */
  readonly isWeak: boolean;
}

export interface NetworkLoginChange {
  readonly access?: 'always' | 'disabled';
  readonly privilegeLimit?: 'user' | 'operator' | 'administrator';
  /** No session any more by suites that are weak. */
  readonly closesWeakSuites?: boolean;
}

export interface NetworkLoginCalls {
  networkLogin(signal: AbortSignal): Promise<NetworkLogin>;
  /** For now, and after the BMC has lost its power. @throws BmcError `refused` for what would lock us out */
  setNetworkLogin(change: NetworkLoginChange, signal: AbortSignal): Promise<void>;
}
