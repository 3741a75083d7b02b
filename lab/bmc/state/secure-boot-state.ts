export interface EmulatedKey {
  readonly id: string;
  readonly kind: 'certificate' | 'signature';
  readonly text: string;
  readonly owner: string | null;
}

/** UEFI secure boot: the wish, what the present start has, and the keys. */
export interface SecureBootState {
  enabled: boolean;
  active: boolean;
  /** Of each database, oldest first. */
  readonly keys: ReadonlyMap<string, EmulatedKey[]>;
  /** Of entries. */
  nextId: number;
  hasPlatformKey(): boolean;
  resetKeys(type: 'ResetAllKeysToDefault' | 'DeleteAllKeys' | 'DeletePK'): void;
  /** The machine starts: without a platform key firmware is in setup mode and checks nothing. */
  apply(): void;
}

/** Nobody has its private key. */
const FACTORY_KEY: EmulatedKey = {
  id: 'Factory',
  kind: 'certificate',
  owner: null,
  text: `-----BEGIN CERTIFICATE-----
MIIBmDCCAT2gAwIBAgIUNlwhk8x/aJbjBFzOszZbCv2Y6e4wCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVRW11bGF0ZWQgcGxhdGZvcm0ga2V5MCAXDTI2MTEyNjIyMDgw
NVoYDzIxMjYxMTAyMjIwODA1WjAgMR4wHAYDVQQDDBVFbXVsYXRlZCBwbGF0Zm9y
bSBrZXkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR6OZ4kHD/B9EC9rtqEgE/0
bRFjsFl/e3siD6RB9iqrymNYPLtpiR3mwq74y+dXaYAt4nBB/1qZjRN+A360iAZ4
o1MwUTAdBgNVHQ4EFgQUT7TywWg8xzjiG33/PwZSDTYockUwHwYDVR0jBBgwFoAU
T7TywWg8xzjiG33/PwZSDTYockUwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNJADBGAiEA1a1Sg7riXUpQSNnKL8Y0aijxRVxKa+fLjdmzX1560ksCIQDPb3WC
1+cX4dh0hkqgwrPxChyGtjvfy9BW2GWVbqBUXQ==
-----END CERTIFICATE-----
`,
};

export const createSecureBootState = (enabled: boolean): SecureBootState => ({
  enabled,
  active: enabled,
  keys: new Map(['PK', 'KEK', 'db', 'dbx'].map((name) => [name, name === 'PK' ? [FACTORY_KEY] : []])),
  nextId: 1,
  hasPlatformKey() {
    return this.keys.get('PK')!.length > 0;
  },
  resetKeys(type) {
    for (const [name, keys] of this.keys) if (name === 'PK' || type !== 'DeletePK') keys.length = 0;
    if (type === 'ResetAllKeysToDefault') this.keys.get('PK')!.push(FACTORY_KEY);
  },
  apply() {
    this.active = this.enabled && this.hasPlatformKey();
  },
});
