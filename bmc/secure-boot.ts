/** UEFI secure boot. A change takes effect at the machine's next start. */
export interface SecureBoot {
  /** What the next start will have. */
  readonly enabled: boolean;
  /** What the present one has. */
  readonly active: boolean;
}

export type SecureBootKeys = 'defaults' | 'delete-all' | 'delete-platform-key';

export interface SecureBootCalls {
  secureBoot(signal: AbortSignal): Promise<SecureBoot>;
  setSecureBoot(enabled: boolean, signal: AbortSignal): Promise<void>;
  resetSecureBootKeys(keys: SecureBootKeys, signal: AbortSignal): Promise<void>;
}
