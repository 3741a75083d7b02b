import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An image server that can misbehave: break connections, promise more than it has, ignore ranges, go away and come back. */
export interface Behaviour {
  /** Break the connection after this many bytes of each answer. */
  readonly breakAfterBytes?: number;
  /** Say that the file is this much longer than it is. */
  readonly promiseMoreBytes?: number;
  readonly ignoreRange?: boolean;
  readonly status?: number;
}

export class ImageServer {
  readonly files = new Map<string, Buffer>();
  readonly ranges: (string | undefined)[] = [];
  behaviour: Behaviour = {};
  /** Called when an answer is broken off. */
  onBreak: () => void = () => {};
  #server: Server | undefined;
  #port = 0;

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#port}`);
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const content = this.files.get(request.url ?? '');
      this.ranges.push(request.headers.range);
      if (this.behaviour.status || !content) return response.writeHead(this.behaviour.status ?? 404).end();
      const range = this.behaviour.ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
      const start = range && request.headers['if-range'] === '"v1"' ? Number(range[1]) : 0;
      const total = content.length + (this.behaviour.promiseMoreBytes ?? 0);
      if (start >= total) return response.writeHead(416).end();
      response.writeHead(start > 0 ? 206 : 200, {
        etag: '"v1"',
        'content-length': total - start,
        ...(start > 0 ? { 'content-range': `bytes ${start}-${total - 1}/${total}` } : {}),
      });
      const limit = Math.min(content.length, start + (this.behaviour.breakAfterBytes ?? Number.POSITIVE_INFINITY));
      response.write(content.subarray(start, limit), () => {
        if (limit < total) {
          response.destroy();
          this.onBreak();
        } else response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
