import { createServer, type Socket } from 'node:net';
import { createStreamFrameReader, encodeStreamFrame } from './stream-frame-codec.ts';

/** The socket of one switch port, to which one QEMU NIC connects at a time (`-netdev stream,server=off`). */
export interface StreamSocket {
  /** False when nothing is plugged in, or it does not keep up. */
  deliver(frame: Buffer): boolean;
  close(): void;
}

/** A guest that stops reading loses frames past this, as a real port's queue does. */
const QUEUE_BYTES_MAX = 8 * 1024 ** 2;

export async function listenStreamSocket(path: string, onFrame: (frame: Buffer) => void, onConnect: () => void): Promise<StreamSocket> {
  let plugged: Socket | undefined;
  const server = createServer((socket) => {
    // The newest wins: the one before belongs to a machine that is being switched off.
    plugged?.destroy();
    plugged = socket;
    const read = createStreamFrameReader();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (plugged === socket) plugged = undefined;
    });
    socket.on('data', (chunk: Buffer) => {
      const frames = read(chunk);
      if (!frames) return socket.destroy();
      for (const frame of frames) onFrame(frame);
    });
    onConnect();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    deliver(frame) {
      if (!plugged || plugged.writableLength > QUEUE_BYTES_MAX) return false;
      plugged.write(encodeStreamFrame(frame));
      return true;
    },
    close() {
      server.close();
      plugged?.destroy();
    },
  };
}
