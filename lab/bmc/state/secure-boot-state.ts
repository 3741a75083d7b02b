/** UEFI secure boot: the wish, and what the present start has. Keys are counted as there or not. */
export interface SecureBootState {
  enabled: boolean;
  active: boolean;
  hasPlatformKey: boolean;
  /** The machine starts: without a platform key firmware is in setup mode and checks nothing. */
  apply(): void;
}

export const createSecureBootState = (enabled: boolean): SecureBootState => ({
  enabled,
  active: enabled,
  hasPlatformKey: true,
  apply() {
    this.active = this.enabled && this.hasPlatformKey;
  },
});
