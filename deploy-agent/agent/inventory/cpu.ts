import { arch } from 'node:os';
import type { Inventory } from '../../protocol.ts';
import { listFolder, readText } from './sysfs.ts';

const CPUS = '/sys/devices/system/cpu';
const NODES = '/sys/devices/system/node';
/** Names as `uname -m` gives them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

export function describeCpu(): Inventory['cpu'] {
  const text = readText('/proc/cpuinfo') ?? '';
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1]?.trim();
  const threads = listFolder(CPUS).filter((name) => /^cpu\d+$/.test(name));
  const sockets = new Set<string>();
  const cores = new Set<string>();
  for (const thread of threads) {
    const socket = readText(`${CPUS}/${thread}/topology/physical_package_id`) ?? '0';
    sockets.add(socket);
    cores.add(`${socket}/${readText(`${CPUS}/${thread}/topology/core_id`) ?? thread}`);
  }
  return {
    model: field('model name') ?? 'unknown',
    architecture: ARCHITECTURES[arch()] ?? arch(),
    sockets: sockets.size,
    cores: cores.size,
    threads: threads.length,
    flags: (field('flags') ?? '').split(' ').filter(Boolean),
  };
}

export const describeNuma = (): Inventory['numaNodes'] =>
  listFolder(NODES)
    .filter((name) => /^node\d+$/.test(name))
    .map((name) => ({
      id: Number(name.slice(4)),
      cpus: readText(`${NODES}/${name}/cpulist`) ?? '',
      memoryBytes: Number(/MemTotal:\s+(\d+)/.exec(readText(`${NODES}/${name}/meminfo`) ?? '')?.[1] ?? 0) * 1024,
    }));
