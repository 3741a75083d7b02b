import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Gives chunks of an image to machines that know the key: the boot server tells it to those that should come here. */
export interface ChunkServer {
  readonly port: number;
  readonly key: string;
  close(): void;
}

/** A rack of forty, each with a connection or two that it keeps: one that is turned away takes this machine for dead. */
const CONNECTIONS_MAX = 128;
const STALL_MS = 10_000;

export async function startChunkServer(
  chunkAt: (index: number) => Buffer | undefined,
  onRequest?: () => Promise<void>,
): Promise<ChunkServer> {
  const key = randomBytes(16).toString('hex');
  const server = createServer((request, response) => {
    const index = new RegExp(`^/${key}/(\\d{1,9})$`).exec(request.url ?? '')?.[1];
    const chunk = request.method === 'GET' && index !== undefined ? chunkAt(Number(index)) : undefined;
    if (chunk === undefined) return void response.writeHead(404, { 'content-length': 0 }).end();
    const send = () =>
      void response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': chunk.length }).end(chunk);
    if (onRequest === undefined) send();
    else void onRequest().then(send);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(STALL_MS);
  const listening = once(server, 'listening');
  server.listen(0);
  await listening;
  // What is given to others does not keep this program alive.
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    key,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
