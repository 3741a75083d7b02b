import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import type { Clock } from '../../../core/base/clock.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { LogLine } from '../control/log-shipper.ts';

/**
 * The bytes of an image in order, through dropped connections and restarts of the server: a new request asks for the rest
 * with Range and If-Range. A server that keeps ending before the promised length is a short image, not an outage.
 */
export interface DownloadOptions {
  readonly url: URL;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: LogLine;
  /** Bytes on the wire, when known beforehand. */
  readonly sizeBytes?: number;
  /** Called when the server has told the length. */
  readonly onTotal?: (bytes: number) => void;
}

/** A connection that moves nothing for this long is given up. */
const IDLE_TIMEOUT_MS = 60_000;
/** About ten minutes of back-off: a control plane or boot server that restarts is back long before. */
const FAILURES_MAX = 60;
const BACK_OFF_FIRST_MS = 250;
const BACK_OFF_MAX_MS = 10_000;
/** Ends in a row at the same byte before we believe that the file is short. */
const SHORT_ENDS_MAX = 3;

interface Reply {
  readonly response: IncomingMessage;
  readonly status: number;
}

function requestFrom(options: DownloadOptions, offset: number, validator: string | undefined): Promise<Reply> {
  const get = options.url.protocol === 'https:' ? httpsGet : httpGet;
  const headers = offset > 0 ? { range: `bytes=${offset}-`, ...(validator ? { 'if-range': validator } : {}) } : {};
  return new Promise((resolve, reject) => {
    const outgoing = get(options.url, { agent: false, headers, signal: options.signal, timeout: IDLE_TIMEOUT_MS }, (response) =>
      resolve({ response, status: response.statusCode ?? 0 }),
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`nothing came for ${IDLE_TIMEOUT_MS / 1000} s`)));
    outgoing.on('error', reject);
  });
}

/** Where the body of a reply begins and where the whole file ends, or a named failure for answers that will not change. */
function placeReply({ response, status }: Reply, offset: number): { readonly start: number; readonly total: number | undefined } {
  const length = response.headers['content-length'] === undefined ? undefined : Number(response.headers['content-length']);
  if (status === 200) return { start: 0, total: length };
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '');
    if (range && Number(range[1]) <= offset) return { start: Number(range[1]), total: range[3] === '*' ? undefined : Number(range[3]) };
  }
  throw new Error(`the server answered ${status}`);
}

const strongValidator = (response: IncomingMessage): string | undefined => {
  const etag = response.headers.etag;
  return etag && !etag.startsWith('W/') ? etag : response.headers['last-modified'];
};

/** Requests that the server will refuse again. 408 and 429 only ask for patience. */
const isFinalStatus = (status: number) => status >= 400 && status < 500 && status !== 408 && status !== 416 && status !== 429;

export async function* downloadImage(options: DownloadOptions): AsyncGenerator<Buffer> {
  let offset = 0;
  let total = options.sizeBytes;
  let validator: string | undefined;
  let failures = 0;
  let shortEnds = 0;
  for (;;) {
    let reason: string;
    const before = offset;
    try {
      const reply = await requestFrom(options, offset, validator);
      if (isFinalStatus(reply.status)) {
        reply.response.destroy();
        throw new AgentFailure('image-unreachable', `${options.url.pathname}: the server answered ${reply.status}`, {
          status: reply.status,
        });
      }
      if (reply.status === 416) {
        reply.response.destroy();
        throw new AgentFailure('image-short', `the file on the server ends at or before byte ${offset}`, { receivedBytes: offset });
      }
      const place = placeReply(reply, offset);
      const seen = strongValidator(reply.response);
      if (validator !== undefined && seen !== validator)
        throw new AgentFailure('image-unreachable', 'the image changed on the server while it was being downloaded');
      validator ??= seen;
      if (place.total !== undefined) {
        if (total !== undefined && place.total < total)
          throw new AgentFailure('image-short', `the server has ${place.total} bytes of the image, ${total} were expected`, {
            availableBytes: place.total,
            expectedBytes: total,
          });
        total = place.total;
        options.onTotal?.(total);
      }
      let skip = offset - place.start;
      for await (const chunk of reply.response as AsyncIterable<Buffer>) {
        const fresh = skip >= chunk.length ? undefined : chunk.subarray(skip);
        skip = Math.max(0, skip - chunk.length);
        if (!fresh) continue;
        offset += fresh.length;
        yield fresh;
      }
      if (total === undefined || offset >= total) return;
      reason = `the server ended the answer after ${offset} of ${total} bytes`;
    } catch (error) {
      if (error instanceof AgentFailure) throw error;
      if (options.signal.aborted) throw options.signal.reason;
      reason = error instanceof Error ? error.message : String(error);
      // Node's word for a connection closed inside a body.
      if (reason === 'aborted' && total !== undefined) reason = `the connection closed after ${offset} of ${total} bytes`;
    }
    shortEnds = offset === before && reason.includes(' of ') ? shortEnds + 1 : 0;
    failures = offset > before ? 1 : failures + 1;
    if (shortEnds >= SHORT_ENDS_MAX)
      throw new AgentFailure('image-short', reason, { receivedBytes: offset, ...(total === undefined ? {} : { expectedBytes: total }) });
    if (failures > FAILURES_MAX) throw new AgentFailure('image-unreachable', `${options.url.host}: ${reason}`, { receivedBytes: offset });
    options.log('warning', `image download paused at ${offset} bytes: ${reason}; going on where it stopped`);
    await options.clock.sleep(Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** Math.min(failures - 1, 6)), options.signal);
  }
}
