import { readdirSync, readFileSync } from 'node:fs';

/** What a program and everything it started has cost so far (proc(5)). */
export interface ProcessCost {
  /** User and system time, milliseconds. */
  readonly cpuMs: number;
  /** Proportional set size: shared pages are counted once over all sharers. Bytes. */
  readonly memoryBytes: number;
  readonly processes: number;
}

/** Of Linux on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Row {
  readonly parent: number;
  readonly cpuMs: number;
}

function readProcesses(): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The command may hold spaces and brackets; the fields begin behind its last one.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // utime, stime, and cutime, cstime: what children that have ended had used, else a database's ended worker would count backwards.
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
      rows.set(Number(name), { parent: Number(fields[1]), cpuMs: (ticks * 1000) / TICKS_PER_SECOND });
    } catch {
      // It ended between the two reads.
    }
  }
  return rows;
}

function memoryOf(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** @param roots with all their descendants, and theirs */
export function costOf(roots: readonly number[], options: { memory: boolean }): ProcessCost {
  const rows = readProcesses();
  const members = new Set(roots.filter((pid) => rows.has(pid)));
  for (let grew = true; grew;) {
    grew = false;
    for (const [pid, { parent }] of rows) {
      if (members.has(pid) || !members.has(parent)) continue;
      members.add(pid);
      grew = true;
    }
  }
  const pids = [...members];
  return {
    cpuMs: pids.reduce((sum, pid) => sum + rows.get(pid)!.cpuMs, 0),
    memoryBytes: options.memory ? pids.reduce((sum, pid) => sum + memoryOf(pid), 0) : 0,
    processes: pids.length,
  };
}

/** Of children of this process that have ended and were waited for, and theirs (proc(5): cutime, cstime). Milliseconds. */
export function endedChildrenCpuMs(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[13]) + Number(fields[14])) * 1000) / TICKS_PER_SECOND;
}
