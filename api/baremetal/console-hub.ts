import type { Duplex } from 'node:stream';

/*
 * A BMC has one serial-over-LAN session; here everybody who looks at a machine's console shares it. It is opened with the
 * first viewer and given back after the last.
 */
export interface Viewer {
  show(bytes: Buffer): void;
  end(reason: string): void;
}

export interface Seat {
  type(bytes: Buffer): void;
  leave(): void;
}

/** A screenful and more, for who comes later. */
const REPLAY_BYTES_MAX = 64 * 1024;

interface SharedConsole {
  readonly stream: Promise<Duplex>;
  readonly viewers: Set<Viewer>;
  replay: Buffer;
}

export interface ConsoleHub {
  /** @throws BmcError when the BMC refuses the session */
  join(nodeUuid: string, open: (signal: AbortSignal) => Promise<Duplex>, viewer: Viewer): Promise<Seat>;
  close(): void;
}

export function createConsoleHub(): ConsoleHub {
  const consoles = new Map<string, SharedConsole>();
  const over = new AbortController();

  const endAll = (uuid: string, shared: SharedConsole, reason: string) => {
    if (consoles.get(uuid) === shared) consoles.delete(uuid);
    for (const viewer of shared.viewers) viewer.end(reason);
    shared.viewers.clear();
  };

  const start = (uuid: string, open: (signal: AbortSignal) => Promise<Duplex>): SharedConsole => {
    const shared: SharedConsole = { stream: open(over.signal), viewers: new Set(), replay: Buffer.alloc(0) };
    consoles.set(uuid, shared);
    shared.stream.then(
      (stream) => {
        stream.on('data', (bytes: Buffer) => {
          shared.replay = Buffer.concat([shared.replay, bytes]).subarray(-REPLAY_BYTES_MAX);
          for (const viewer of shared.viewers) viewer.show(bytes);
        });
        stream.on('error', (error: Error) => endAll(uuid, shared, error.message));
        stream.on('close', () => endAll(uuid, shared, 'the BMC ended the console session'));
      },
      () => consoles.delete(uuid),
    );
    return shared;
  };

  return {
    async join(uuid, open, viewer) {
      const shared = consoles.get(uuid) ?? start(uuid, open);
      shared.viewers.add(viewer);
      const stream = await shared.stream.catch((error: unknown) => {
        shared.viewers.delete(viewer);
        throw error;
      });
      if (shared.replay.length > 0) viewer.show(shared.replay);
      return {
        type: (bytes) => void stream.write(bytes),
        leave() {
          shared.viewers.delete(viewer);
          if (shared.viewers.size > 0) return;
          if (consoles.get(uuid) === shared) consoles.delete(uuid);
          stream.destroy();
        },
      };
    },
    close() {
      over.abort(new Error('the control plane stops'));
      for (const [uuid, shared] of consoles) {
        endAll(uuid, shared, 'the control plane stops');
        shared.stream.then(
          (stream) => stream.destroy(),
          () => {},
        );
      }
    },
  };
}
