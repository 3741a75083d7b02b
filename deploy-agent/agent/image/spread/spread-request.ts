import { request, type Agent } from 'node:http';

/** One small HTTP exchange with the boot server or another machine. */
export interface SpreadReply {
  readonly status: number;
  readonly body: Buffer;
}

export interface SpreadCall {
  readonly agent: Agent;
  readonly signal: AbortSignal;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly json?: object;
}

/** @throws Error when nothing answers, too much comes, or it takes too long */
export async function ask(url: URL, call: SpreadCall): Promise<SpreadReply> {
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(call.timeoutMs)]);
  for (;;)
    try {
      return await exchange(url, { ...call, signal });
    } catch (error) {
      if (!(error instanceof KeptTooLong)) throw error;
    }
}

/** The other side had closed the connection that was kept: that says nothing of it. */
class KeptTooLong extends Error {}

function exchange(url: URL, { agent, signal, bytesMax, json }: SpreadCall): Promise<SpreadReply> {
  const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        agent,
        signal,
        method: body === undefined ? 'GET' : 'POST',
        ...(body === undefined ? {} : { headers: { 'content-type': 'application/json', 'content-length': body.length } }),
      },
      (response) => {
        const pieces: Buffer[] = [];
        let bytes = 0;
        response.on('data', (piece: Buffer) => {
          bytes += piece.length;
          pieces.push(piece);
          if (bytes > bytesMax) response.destroy(new Error(`more than ${bytesMax} bytes came`));
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) }));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('the answer was cut off')));
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      reject(outgoing.reusedSocket && error.code === 'ECONNRESET' ? new KeptTooLong(error.message, { cause: error }) : error),
    );
    outgoing.end(body);
  });
}
