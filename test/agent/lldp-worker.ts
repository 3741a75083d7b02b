import { dlopen, getRawPointer } from 'node:ffi';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../core/base/clock.ts';
import { listenForNeighbours } from '../../deploy-agent/agent/inventory/lldp-listener.ts';

/** Runs inside a network namespace: `send <nic> <hex frame>` again and again, or `listen <nic> <nic>` and print what was heard. */
const [, , verb, first = '', second = ''] = process.argv;
const indexOf = (nic: string) => Number(readFileSync(`/sys/class/net/${nic}/ifindex`, 'utf8'));

if (verb === 'listen') {
  const found = await listenForNeighbours(
    [first, second].map((name) => ({ name, index: indexOf(name) })),
    3000,
    systemClock,
  );
  process.stdout.write(JSON.stringify(Object.fromEntries(found)));
} else {
  const { functions } = dlopen(null, {
    socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    sendto: { arguments: ['i32', 'pointer', 'u64', 'i32', 'pointer', 'u32'], return: 'i64' },
  } as const);
  const fd = functions.socket(17, 3, 0);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(17, 0);
  address.writeInt32LE(indexOf(first), 4);
  const frame = Buffer.from(second, 'hex');
  for (let count = 0; count < 30; count += 1) {
    functions.sendto(fd, getRawPointer(frame), BigInt(frame.length), 0, getRawPointer(address), address.length);
    await systemClock.sleep(100);
  }
}
