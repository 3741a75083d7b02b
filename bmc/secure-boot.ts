/** UEFI secure boot. A change takes effect at the machine's next start. */
export interface SecureBoot {
  /** What the next start will have. */
  readonly enabled: boolean;
  /** What the present one has. */
  readonly active: boolean;
}

export type SecureBootKeys = 'defaults' | 'delete-all' | 'delete-platform-key';

export const SECURE_BOOT_DATABASES = ['PK', 'KEK', 'db', 'dbx'] as const;
/** Platform key, key exchange keys, what may be started, what may not (UEFI 2.10 §32). */
export type SecureBootDatabase = (typeof SECURE_BOOT_DATABASES)[number];

/** An entry of a database: a certificate, or the hash of one program. */
export interface SecureBootKey {
  readonly database: SecureBootDatabase;
  /** The BMC's own, of its kind. */
  readonly id: string;
  readonly kind: 'certificate' | 'signature';
  /** PEM, or as the BMC writes a signature: for SHA-256, 64 hex digits. */
  readonly text: string;
  /** GUID of who put it there. */
  readonly owner?: string;
}

export interface SecureBootCalls {
  secureBootKeys(signal: AbortSignal): Promise<readonly SecureBootKey[]>;
  /** Takes effect when the machine starts. `unsupported`: no such database, or it takes none of that kind. */
  addSecureBootKey(key: Omit<SecureBootKey, 'id'>, signal: AbortSignal): Promise<void>;
  /** False: there was none. */
  removeSecureBootKey(key: Pick<SecureBootKey, 'database' | 'id' | 'kind'>, signal: AbortSignal): Promise<boolean>;
  secureBoot(signal: AbortSignal): Promise<SecureBoot>;
  setSecureBoot(enabled: boolean, signal: AbortSignal): Promise<void>;
  resetSecureBootKeys(keys: SecureBootKeys, signal: AbortSignal): Promise<void>;
}
