/*
 * A machine that was told to boot the agent and is not heard of: when is it dead, and what then? Firmware that finds no
 * boot server gives up within a minute and never asks again, so waiting longer helps nobody: it is power cycled.
 */
export interface BootSign {
  /** `dhcp`, `tftp`, `http`, `agent` */
  readonly source: string;
  readonly kind: string;
  readonly message: string;
  readonly atMs: number;
  /** A DHCP client that is no firmware: the ramdisk runs. */
  readonly isRamdisk?: boolean;
}

export type BootVerdict =
  | { readonly kind: 'wait'; readonly forMs: number }
  | { readonly kind: 'boot-again'; readonly because: string }
  | { readonly kind: 'give-up'; readonly because: string };

/** Self-tests of big machines with much memory take up to ten minutes before the first DHCP request. */
export const FIRST_SIGN_MS = 15 * 60_000;
/** From the first DHCP request to the kernel everything follows within seconds; firmware repeats what is lost for a minute. */
export const LOADER_SILENCE_MS = 2 * 60_000;
/** Kernel and ramdisk are there: unpacking, drivers, and links that come up slowly. */
export const KERNEL_SILENCE_MS = 10 * 60_000;
/** The agent has spoken and then fell silent before its session was open. */
export const AGENT_SILENCE_MS = 5 * 60_000;
/**
 * A machine that goes on asking is never silent: firmware that gets no boot file it can use, a download that always breaks off.
 * The slowest boot that succeeds has a self-test of ten minutes, a slow download, and a kernel that waits for links.
 */
export const BOOT_MS_MAX = 40 * 60_000;
export const BOOT_TRIES_MAX = 3;

const LOADER_KINDS = /^(dhcp|tftp|router-advertisement)|^http\.script$/;

function silenceAllowed(sign: BootSign | undefined): { ms: number; stage: string } {
  if (sign === undefined) return { ms: FIRST_SIGN_MS, stage: 'the machine sent no DHCP request' };
  if (sign.source === 'agent') return { ms: AGENT_SILENCE_MS, stage: `the agent fell silent after "${sign.message}"` };
  if (sign.isRamdisk === true) return { ms: AGENT_SILENCE_MS, stage: `the ramdisk fell silent after "${sign.message}"` };
  if (LOADER_KINDS.test(sign.kind)) return { ms: LOADER_SILENCE_MS, stage: `the firmware fell silent after "${sign.message}"` };
  return { ms: KERNEL_SILENCE_MS, stage: `the kernel fell silent after "${sign.message}"` };
}

/** @param sign the last one since the power-on. */
export function judgeSilence(facts: { sign: BootSign | undefined; poweredOnAtMs: number; nowMs: number; tries: number }): BootVerdict {
  const { sign, poweredOnAtMs, nowMs, tries } = facts;
  const { ms, stage } = silenceAllowed(sign);
  const silentMs = nowMs - Math.max(sign?.atMs ?? 0, poweredOnAtMs);
  const leftMs = Math.min(ms - silentMs, poweredOnAtMs + BOOT_MS_MAX - nowMs);
  if (leftMs > 0) return { kind: 'wait', forMs: leftMs };
  const because =
    sign !== undefined && silentMs < ms
      ? `after ${Math.round((nowMs - poweredOnAtMs) / 60_000)} minutes it was still no further than "${sign.message}"`
      : `${stage} and was not heard of for ${Math.round(ms / 60_000)} minutes`;
  return tries < BOOT_TRIES_MAX ? { kind: 'boot-again', because } : { kind: 'give-up', because };
}
