import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import type { Clock } from '../../../../core/base/clock.ts';
import {
  chunkCount,
  chunkRange,
  encodeHeld,
  type ChunkList,
  type ChunkSource,
  type FetchFailure,
  type SpreadAnswer,
  type SpreadReport,
} from '../../../../core/base/image-spread.ts';
import { AgentFailure } from '../../control/agent-failure.ts';
import type { LogLine } from '../../control/log-shipper.ts';
import { startChunkServer, type ChunkServer } from './chunk-server.ts';
import { createHeldChunks, type HeldChunks } from './held-chunks.ts';
import { ask, type SpreadReply } from './spread-request.ts';

/*
 * An image's bytes in order, chunk by chunk from other machines and from the boot server, as the boot server says (`core/base/image-spread.ts`). Whatever goes
 * wrong with another machine costs the time of one chunk: it is told, and the chunk comes from elsewhere. The server alone always suffices.
 */
export interface SpreadOptions {
  /** `http://boot server/images/<token>/<image>` */
  readonly url: URL;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: LogLine;
  /** For chunks that others may want. */
  readonly heldBytesMax: number;
  readonly onTotal?: (bytes: number) => void;
  /** What this machine gives to others, for tests of machines that are slow or lie. */
  readonly giving?: { readonly pause?: () => Promise<void>; readonly change?: (chunk: Buffer) => Buffer };
}

/** So far ahead of what is written, chunks are fetched: the memory of one download. */
const WINDOW = 24;
const FETCHES_AT_ONCE = 6;
/** A chunk of 2 MiB takes a fifth of a second at 100 Mbit/s. */
const SLOW_MS = 6_000;
/** What the writing waits for is asked of the server too after this. */
const HEDGE_MS = 5_000;
/** The same for a machine that is held back, whatever the server says. */
const HELD_BACK_MS_MAX = 20_000;
/** A report for each chunk would cost the server more than the chunks. */
const ROOM_TO_REPORT = FETCHES_AT_ONCE / 2;
const REPORT_MS_MAX = 10_000;
const REPORT_BYTES_MAX = 2 ** 20;
const TRACKER_RETRY_MS = 1_000;
/** About ten minutes of a server that does not answer, as for a plain download. */
const SERVER_FAILURES_MAX = 60;
const SERVER_PAUSE_MS_MAX = 10_000;
/** The last ones of a rack still want chunks when the first are done. */
const LINGER_MS = 60_000;

const spreadUrl = (url: URL): URL => new URL(url.pathname.replace(/^\/images\//, '/spread/'), url);

/** The chunks of an image, or undefined when its server spreads none: then it is downloaded whole. */
export async function findSpread(url: URL, signal: AbortSignal): Promise<ChunkList | undefined> {
  if (url.protocol !== 'http:' || !url.pathname.startsWith('/images/')) return undefined;
  const agent = new Agent();
  try {
    // The first to ask waits until the server has read the image once.
    const { status, body } = await ask(spreadUrl(url), { agent, signal, timeoutMs: 600_000, bytesMax: 2 ** 30 });
    return status === 200 ? (JSON.parse(body.toString()) as ChunkList) : undefined;
  } catch {
    return undefined;
  } finally {
    agent.destroy();
  }
}

export async function* spreadImage(list: ChunkList, options: SpreadOptions): AsyncGenerator<Buffer> {
  const download = new SpreadDownload(list, options);
  await download.start();
  options.onTotal?.(list.sizeBytes);
  try {
    for (let index = 0; index < chunkCount(list); index += 1) yield await download.next(index);
    await download.end();
  } finally {
    download.stop();
  }
}

interface Fetching {
  readonly fromServer: boolean;
  readonly controller: AbortController;
}

class SpreadDownload {
  readonly #list: ChunkList;
  readonly #options: SpreadOptions;
  readonly #digests: Buffer;
  readonly #count: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #held: HeldChunks;
  readonly #fetching = new Map<number, Fetching>();
  readonly #stopped = new AbortController();
  #server: ChunkServer | undefined;
  #failed: { source: string; why: FetchFailure }[] = [];
  #bytes = { fromServer: 0, fromMachines: 0 };
  #next = 0;
  #asking = false;
  #retryAtMs = 0;
  #heldBackAtMs = 0;
  #serverFailures = 0;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(list: ChunkList, options: SpreadOptions) {
    this.#list = list;
    this.#options = options;
    this.#digests = Buffer.from(list.digests, 'base64');
    this.#count = chunkCount(list);
    this.#held = createHeldChunks(options.heldBytesMax, () => this.#next);
  }

  async start(): Promise<void> {
    const { giving } = this.#options;
    const chunkAt = (index: number) => {
      const chunk = this.#held.get(index);
      return chunk === undefined ? undefined : (giving?.change?.(chunk) ?? chunk);
    };
    this.#server = await startChunkServer(chunkAt, giving?.pause);
  }

  async next(index: number): Promise<Buffer> {
    this.#next = index;
    const { clock, signal } = this.#options;
    const startedMs = clock.nowMs();
    this.#heldBackAtMs = startedMs;
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      const nowMs = clock.nowMs();
      // Also when the chunk is here: the next ones shall be on their way while it is written.
      const room = FETCHES_AT_ONCE - this.#fetching.size;
      const isMissing = this.#held.get(index) === undefined && !this.#fetching.has(index);
      if (nowMs >= this.#retryAtMs && (room >= ROOM_TO_REPORT || isMissing)) this.#report();
      const chunk = this.#held.get(index);
      if (chunk !== undefined) return chunk;
      const hedgeAtMs = Math.min(this.#heldBackAtMs + HEDGE_MS, startedMs + HELD_BACK_MS_MAX);
      if (nowMs >= hedgeAtMs && this.#fetching.get(index)?.fromServer !== true) this.#fetch(index, 'server');
      const untilMs = Math.max(
        20,
        Math.min(hedgeAtMs > nowMs ? hedgeAtMs - nowMs : Infinity, Math.max(this.#retryAtMs - nowMs, 20), 1_000),
      );
      await this.#woken(untilMs);
    }
  }

  /** Tells the server, which tells people. */
  async end(): Promise<void> {
    this.#next = this.#count;
    await this.#send(true).catch(() => undefined);
  }

  stop(): void {
    this.#stopped.abort(new Error('the download has ended'));
    for (const { controller } of this.#fetching.values()) controller.abort();
    this.#agent.destroy();
    setTimeout(() => this.#server?.close(), LINGER_MS).unref();
  }

  #woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #wants(): number[] {
    const wants: number[] = [];
    const end = Math.min(this.#count, this.#next + WINDOW);
    for (let index = this.#next; index < end; index += 1)
      if (this.#held.get(index) === undefined && !this.#fetching.has(index)) wants.push(index);
    return wants;
  }

  /** Says what is here and asks for what is not; one at a time. */
  #report(): void {
    if (this.#asking) return;
    this.#asking = true;
    const { clock } = this.#options;
    this.#send(false)
      .then(
        (answer) => {
          for (const { index, from } of answer.fetch) this.#fetch(index, from);
          if (answer.isAhead === true) this.#heldBackAtMs = clock.nowMs();
          this.#retryAtMs = clock.nowMs() + answer.retryMs;
        },
        () => {
          // Without its word: what is needed next, from the server itself, which may well be back by then.
          this.#retryAtMs = clock.nowMs() + TRACKER_RETRY_MS;
          if (!this.#fetching.has(this.#next) && this.#held.get(this.#next) === undefined) this.#fetch(this.#next, 'server');
        },
      )
      .finally(() => {
        this.#asking = false;
        this.#wake();
      });
  }

  async #send(isDone: boolean): Promise<SpreadAnswer> {
    const failed = this.#failed.splice(0);
    const room = FETCHES_AT_ONCE - this.#fetching.size;
    const report: SpreadReport = {
      port: this.#server!.port,
      key: this.#server!.key,
      held: encodeHeld(this.#held.indices(), this.#count),
      fetching: [...this.#fetching.keys()],
      wants: isDone || room <= 0 ? [] : this.#wants().slice(0, room),
      failed,
      ...this.#bytes,
      isDone,
    };
    const reply = await ask(spreadUrl(this.#options.url), { ...this.#call(REPORT_MS_MAX), bytesMax: REPORT_BYTES_MAX, json: report });
    if (reply.status !== 200) throw new Error(`the server answered ${reply.status}`);
    return JSON.parse(reply.body.toString()) as SpreadAnswer;
  }

  #call(timeoutMs: number, signal: AbortSignal = this.#stopped.signal) {
    return { agent: this.#agent, signal: AbortSignal.any([signal, this.#options.signal, this.#stopped.signal]), timeoutMs };
  }

  #fetch(index: number, from: 'server' | ChunkSource): void {
    const before = this.#fetching.get(index);
    if (before?.fromServer === true) return;
    before?.controller.abort();
    const fetching: Fetching = { fromServer: from === 'server', controller: new AbortController() };
    this.#fetching.set(index, fetching);
    (from === 'server' ? this.#fromServer(index, fetching) : this.#fromMachine(index, from, fetching)).finally(() => {
      if (this.#fetching.get(index) === fetching) this.#fetching.delete(index);
      this.#retryAtMs = 0;
      this.#wake();
    });
  }

  async #fromMachine(index: number, { source, host, port, key }: ChunkSource, { controller }: Fetching): Promise<void> {
    const { length } = chunkRange(this.#list, index);
    const url = new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}/${key}/${index}`);
    let reply: SpreadReply;
    try {
      reply = await ask(url, { ...this.#call(SLOW_MS, controller.signal), bytesMax: length });
    } catch (error) {
      const isOurs = this.#stopped.signal.aborted || this.#options.signal.aborted;
      // Given up for the server's sake: it was too slow for what is needed now.
      if (!isOurs)
        this.#failed.push({ source, why: controller.signal.aborted || (error as Error).name === 'TimeoutError' ? 'slow' : 'gone' });
      return;
    }
    // Not there any more: its memory went on.
    if (reply.status === 404) return;
    if (reply.status !== 200 || !this.#isTrue(index, reply.body)) {
      this.#failed.push({ source, why: 'corrupt' });
      this.#options.log('warning', `${host} gave a chunk of the image that is not what it should be; it comes from elsewhere`);
      return;
    }
    if (this.#held.get(index) !== undefined) return;
    this.#bytes.fromMachines += length;
    this.#held.add(index, reply.body);
  }

  async #fromServer(index: number, { controller }: Fetching): Promise<void> {
    const { length } = chunkRange(this.#list, index);
    const { log, clock, signal, url } = this.#options;
    const from = spreadUrl(url);
    from.search = `chunk=${index}`;
    while (!this.#stopped.signal.aborted && !signal.aborted && this.#held.get(index) === undefined) {
      let reason: string;
      try {
        const { status, body } = await ask(from, { ...this.#call(60_000, controller.signal), bytesMax: length });
        if (status === 200 && this.#isTrue(index, body)) {
          this.#serverFailures = 0;
          this.#bytes.fromServer += length;
          this.#held.add(index, body);
          return;
        }
        if (status === 200 || (status >= 400 && status < 500)) {
          const what = status === 200 ? 'the image changed on the server while it was being downloaded' : `the server answered ${status}`;
          this.#failure = new AgentFailure('image-unreachable', `${url.pathname}: ${what}`);
          return;
        }
        reason = `the server answered ${status}`;
      } catch (error) {
        if (this.#stopped.signal.aborted || signal.aborted || controller.signal.aborted) return;
        reason = (error as Error).message;
      }
      this.#serverFailures += 1;
      if (this.#serverFailures > SERVER_FAILURES_MAX) {
        this.#failure = new AgentFailure('image-unreachable', `${url.host}: ${reason}`);
        return;
      }
      // The first time it is a connection that was kept for too long.
      if (this.#serverFailures > 1) log('warning', `chunk ${index} of the image did not come: ${reason}; asking again`);
      await clock
        .sleep(Math.min(SERVER_PAUSE_MS_MAX, 250 * 2 ** Math.min(this.#serverFailures, 6)), controller.signal)
        .catch(() => undefined);
    }
  }

  #isTrue(index: number, bytes: Buffer): boolean {
    return (
      bytes.length === chunkRange(this.#list, index).length &&
      createHash('sha256')
        .update(bytes)
        .digest()
        .equals(this.#digests.subarray(index * 32, index * 32 + 32))
    );
  }
}
