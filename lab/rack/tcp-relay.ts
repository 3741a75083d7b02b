import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * The way into the rack's network: Unix sockets cross network namespaces. A client writes one line `HOST:PORT`, and the
 * rest of the connection is carried to that address inside.
 */
const HEADER_BYTES_MAX = 64;

export function parseHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^([0-9.]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  return match && port <= 65_535 ? { host: match[1]!, port } : undefined;
}

/** Bytes both ways; the end of either side, or its failure, is passed on. */
export function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    here.on('error', () => there.destroy());
    // Not destroyed: what it still has to send goes out first.
    here.on('close', () => there.end());
  }
}

function serve(client: Socket): void {
  let header = Buffer.alloc(0);
  client.on('error', () => client.destroy());
  const onData = (chunk: Buffer) => {
    header = Buffer.concat([header, chunk]);
    const end = header.indexOf(0x0a);
    if (end < 0) return void (header.length > HEADER_BYTES_MAX && client.destroy());
    client.off('data', onData);
    client.pause();
    const address = parseHostPort(header.toString('latin1', 0, end));
    if (!address) return void client.destroy();
    const rest = header.subarray(end + 1);
    if (rest.length > 0) client.unshift(rest);
    const inside = connect({ ...address, allowHalfOpen: true });
    inside.once('error', () => client.destroy());
    inside.once('connect', () => join(client, inside));
  };
  client.on('data', onData);
}

export async function startTcpRelay(path: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}
