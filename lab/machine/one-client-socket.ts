import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

/** A Unix socket that waits for QEMU and speaks with whichever connected last. */
export interface OneClientSocket {
  write(bytes: Buffer | string): void;
  close(): void;
}

export async function listenForOneClient(path: string, onData: (bytes: Buffer) => void, onConnect = () => {}): Promise<OneClientSocket> {
  let client: Socket | undefined;
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    client = socket;
    onConnect();
    socket.on('data', (bytes: Buffer) => {
      if (client === socket) onData(bytes);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (client === socket) client = undefined;
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    write: (bytes) => void client?.write(bytes),
    close() {
      server.close();
      client?.destroy();
    },
  };
}
