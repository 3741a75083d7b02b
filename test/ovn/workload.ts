import { Resolver } from 'node:dns/promises';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { BULK_BYTES, BULK_PORT, PORTS, type Order, type Said } from './workload-order.ts';

/*
 * A machine in a namespace: it answers on two ports with the address that its visitor comes from, and does what it is told, one
 * line of JSON each.
 */
for (const port of Object.values(PORTS))
  createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end((socket.remoteAddress ?? '').replace('::ffff:', ''));
  }).listen(port, '::');

createServer((socket) => {
  socket.on('error', () => undefined);
  socket.end(Buffer.alloc(BULK_BYTES));
}).listen(BULK_PORT, '::');

/** Kilobits a second of all bytes. */
function pull({ host }: Order & { do: 'pull' }): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: BULK_PORT });
    let [bytes, begun] = [0, 0];
    socket.on('connect', () => (begun = performance.now()));
    socket.on('data', (chunk) => (bytes += chunk.length));
    socket.on('end', () => resolve(bytes === BULK_BYTES ? String(Math.round((bytes * 8) / (performance.now() - begun))) : null));
    socket.on('error', () => resolve(null));
  });
}

function visit({ host, port, from, timeoutMs }: Order & { do: 'connect' }): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) });
    let text = '';
    const end = (answer: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, timeoutMs, null);
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('end', () => end(text));
    socket.on('error', () => end(null));
  });
}

async function resolveName({ name, server }: Order & { do: 'resolve' }): Promise<string | null> {
  const resolver = new Resolver({ timeout: 1_000, tries: 3 });
  resolver.setServers([server]);
  return (await resolver.resolve4(name).catch(() => []))[0] ?? null;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...order } = JSON.parse(line) as Order & { id: number };
  const answer = order.do === 'connect' ? visit(order) : order.do === 'pull' ? pull(order) : resolveName(order);
  void answer.then((said) => process.stdout.write(`${JSON.stringify({ id, answer: said } satisfies Said)}\n`));
}
process.exit(0);
