/** When a booting machine has done its expensive part, from the processor time that its QEMU has used. */
export interface CpuSample {
  readonly atMs: number;
  readonly cpuSeconds: number;
}

/** Power-on to the agent's first words measures 18 to 28 seconds of processor time. */
const BOOT_CPU_SECONDS = 26;
/** A machine that used less than this in the window waits for something: a DHCP answer, or orders. */
const IDLE_WINDOW_MS = 15_000;
const IDLE_CPU_SECONDS = 2;

/** `samples`: oldest first, from the start of the boot. */
export function bootIsOver(samples: readonly CpuSample[]): boolean {
  const last = samples.at(-1);
  if (!last) return false;
  if (last.cpuSeconds >= BOOT_CPU_SECONDS) return true;
  const before = samples.findLast((sample) => last.atMs - sample.atMs >= IDLE_WINDOW_MS);
  return before !== undefined && last.cpuSeconds - before.cpuSeconds < IDLE_CPU_SECONDS;
}

/** User and system time from `/proc/PID/stat` (proc(5): fields 14 and 15, in ticks of 10 ms); undefined when it is not one. */
export function cpuSecondsOfStat(stat: string): number | undefined {
  // The second field is the program's name in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks / 100 : undefined;
}
