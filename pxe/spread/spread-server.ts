import type { IncomingMessage, ServerResponse } from 'node:http';
import { chunkCount, chunkRange, parseSpreadReport, SPREAD_CHUNK_BYTES, type SpreadReport } from '../../core/base/image-spread.ts';
import type { Clock } from '../../core/base/clock.ts';
import { sendFile } from '../../core/transfer/kernel-file-sender.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { ServedFile } from '../files/served-file.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { BootClient } from '../model/boot-directory.ts';
import { createChunkDigests } from './chunk-digests.ts';
import { answerReport, createSwarm, type Swarm } from './swarm-policy.ts';

/** The server's side of the spread of images: digests, chunks, and who has what (`core/base/image-spread.ts`). */
export interface SpreadRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: BootClient;
  readonly file: ServedFile;
  /** As people know the image: its path. */
  readonly name: string;
  readonly query: URLSearchParams;
}

export interface SpreadServer {
  answer(spread: SpreadRequest): Promise<void>;
}

/** A smaller one is over before machines have found each other. */
const IMAGE_BYTES_MIN = 16 * SPREAD_CHUNK_BYTES;
/** A report of an image of 16 TiB says two megabytes of bits. */
const REPORT_BYTES_MAX = 3 * 2 ** 20;
const SWARMS_MAX = 200;

export function createSpreadServer(options: {
  readonly clock: Clock;
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly system: LinuxCalls | undefined;
}): SpreadServer {
  const { clock, counters } = options;
  const digestsOf = createChunkDigests();
  const swarms = new Map<string, Swarm>();

  const swarmOf = (etag: string, chunks: number): Swarm => {
    const swarm = swarms.get(etag) ?? createSwarm(chunks);
    // The one that was used last is the last to go.
    swarms.delete(etag);
    swarms.set(etag, swarm);
    if (swarms.size > SWARMS_MAX) swarms.delete(swarms.keys().next().value!);
    return swarm;
  };

  const takeReport = async ({ request, response, client, file, name }: SpreadRequest) => {
    const list = { sizeBytes: file.sizeBytes, chunkBytes: SPREAD_CHUNK_BYTES };
    const report = parseSpreadReport(await readJson(request), chunkCount(list));
    if ('reason' in report) return sendJson(response, 400, { error: report.reason });
    const sender = { name: client.mac ?? client.ipAddress, host: client.ipAddress };
    counters.add('spread.reports');
    if (report.isDone) tellEnd(client, name, report);
    sendJson(response, 200, answerReport(swarmOf(file.etag, chunkCount(list)), sender, report, clock.nowMs()));
  };

  const tellEnd = (client: BootClient, name: string, { fromServer, fromMachines }: SpreadReport) =>
    options.recordEvent({
      atMs: clock.nowMs(),
      source: 'http',
      kind: 'http.spread',
      severity: 'info',
      machine: {
        ipAddress: client.ipAddress,
        ...(client.mac === undefined ? {} : { mac: client.mac }),
        ...(client.nodeId === undefined ? {} : { nodeId: client.nodeId }),
      },
      message: `${client.ipAddress} has ${name}: ${fromServer} bytes from this server, ${fromMachines} from other machines`,
      evidence: { image: name, fromServer, fromMachines },
    });

  const sendChunk = async ({ response, file }: SpreadRequest, index: number) => {
    const list = { sizeBytes: file.sizeBytes, chunkBytes: SPREAD_CHUNK_BYTES };
    if (!Number.isInteger(index) || index < 0 || index >= chunkCount(list))
      return sendJson(response, 416, { error: 'there is no such chunk' });
    const { start, length } = chunkRange(list, index);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length });
    const { sentBytes, outcome } = await sendFile(options.system, response, file.handle, start, length);
    counters.add('http.bytes', sentBytes);
    counters.add('spread.chunks');
    if (outcome === 'complete') response.end();
    else response.destroy();
  };

  return {
    async answer(spread) {
      const { request, response, file, query } = spread;
      if (file.sizeBytes < IMAGE_BYTES_MIN) return sendJson(response, 404, { error: 'the image is too small to be spread' });
      if (request.method === 'POST') return takeReport(spread);
      const chunk = query.get('chunk');
      return chunk === null ? sendJson(response, 200, await digestsOf(file)) : sendChunk(spread, Number(chunk));
    },
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, 'cache-control': 'no-store' })
    .end(bytes);
}

/** Undefined for what is no JSON, or too long. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > REPORT_BYTES_MAX) return undefined;
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString()) as unknown;
  } catch {
    return undefined;
  }
}
