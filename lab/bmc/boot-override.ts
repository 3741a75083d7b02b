import type { Clock } from '../../core/base/clock.ts';
import type { BootFlags } from '../../bmc/ipmi/boot-options-codec.ts';
import { KEEP_FLAGS_AFTER_TIMEOUT } from '../../bmc/ipmi/boot-options-codec.ts';
import type { MachineBoot } from './machine-control.ts';

/**
 * The boot override as IPMI 2.0 §28.12-14 keeps it: a setting for the next boot is used up by that boot, a persistent one
 * stays; and without "do not clear" (parameter 3, bit 3) an unused one-time setting lapses 60 s after it was written.
 */
export interface BootOverride {
  flags(): BootFlags;
  /** `lapses`: the 60 s rule holds, as it does for IPMI and not for Redfish. */
  set(flags: BootFlags, lapses: boolean): void;
  /** Parameter 3. */
  clearing: number;
  /** A chassis command came: the 60 s rule is met. */
  touch(): void;
  /** For a power-on or reset: the setting to use, used up when it is for one boot. */
  take(): MachineBoot;
}

const VALID_WITHOUT_COMMAND_MS = 60_000;
const NO_FLAGS: BootFlags = { valid: false, persistent: false, efi: false, device: 'none' };

/** `isRemoteMediaDisk`: for UEFI systems "remote media" is the disk, and "disk" nothing. `loses`: asked at each setting; a BMC that forgets says yes, and the setting is gone although it was accepted. */
export function createBootOverride(clock: Clock, loses: () => boolean = () => false, isRemoteMediaDisk = false): BootOverride {
  let flags = NO_FLAGS;
  let lapsesAtMs = Infinity;
  const current = (): BootFlags => {
    if (flags.valid && !flags.persistent && clock.nowMs() >= lapsesAtMs) flags = { ...flags, valid: false };
    return flags;
  };
  return {
    clearing: 0,
    flags: current,
    set(next, lapses) {
      flags = next.valid && loses() ? NO_FLAGS : next;
      lapsesAtMs = !lapses || this.clearing & KEEP_FLAGS_AFTER_TIMEOUT ? Infinity : clock.nowMs() + VALID_WITHOUT_COMMAND_MS;
    },
    touch() {
      current();
      lapsesAtMs = Infinity;
    },
    take() {
      const { valid, persistent, efi, device } = current();
      if (!valid) return { device: 'none', persistent: false };
      if (!persistent) flags = NO_FLAGS;
      const isUseless = device === 'diagnostics' || device === 'floppy' || (isRemoteMediaDisk && efi && device === 'disk');
      const known = isUseless ? 'none' : device === 'remote-media' ? (isRemoteMediaDisk ? 'disk' : 'none') : device;
      return { device: known, persistent, firmwareMode: efi ? 'uefi' : 'bios' };
    },
  };
}
