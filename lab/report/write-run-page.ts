import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../core/base/json.ts';
import { createConsoleLines } from '../rack/console-lines.ts';
import { readPcap } from '../switch/pcap-codec.ts';
import type { MachineReport } from '../scenario/machine-walk.ts';
import { summariseFrame } from './packet-summary-codec.ts';
import { viewRunPage } from './run-page-view.ts';
import { drawRun } from './run-picture-view.ts';
import type { CaptureRecord, EventRecord, MachineRecord, PacketRecord, RunRecord } from './run-record.ts';
import { withoutTokens } from './without-tokens.ts';

/** Reads what a run left in its folder, and writes `run.html` and `run.svg` beside it. */
export type RunFacts = Omit<RunRecord, 'machines' | 'captures'> & { readonly machines: readonly MachineReport[] };

/** A page that a phone opens: beyond these, the files have it all. */
const PACKETS_SHOWN_MAX = 400;
const CONSOLE_LINES_SHOWN_MAX = 5_000;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export const eventOf = (event: JsonObject): EventRecord => ({
  atMs: Date.parse(textOf(event['at'])),
  source: textOf(event['source']),
  kind: textOf(event['kind']),
  severity: textOf(event['severity']),
  message: withoutTokens(textOf(event['message'])),
  evidence: (event['evidence'] ?? {}) as JsonObject,
});

async function readEvents(path: string): Promise<EventRecord[]> {
  const text = await readFile(path, 'utf8').catch(() => '{"events":[]}');
  const { events } = JSON.parse(text) as { events: JsonObject[] };
  return events.map(eventOf).toSorted((a, b) => a.atMs - b.atMs);
}

async function readPower(path: string): Promise<Map<string, { atMs: number; state: 'on' | 'off' }[]>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const changes = text
    .split('\n')
    .filter((line) => line.startsWith('{"kind":"power"'))
    .map((line) => JSON.parse(line) as { machine: string; atMs: number; state: 'on' | 'off' });
  return Map.groupBy(changes, ({ machine }) => machine);
}

async function readConsole(path: string): Promise<string[]> {
  const lines: string[] = [];
  const write = createConsoleLines((line) => lines.push(withoutTokens(line)));
  write(await readFile(path).catch(() => Buffer.alloc(0)));
  write(Buffer.from('\n'));
  return lines.slice(0, CONSOLE_LINES_SHOWN_MAX);
}

async function readCapture(runDirectory: string, file: string): Promise<CaptureRecord> {
  const path = join(runDirectory, file);
  const packets: PacketRecord[] = [];
  let frames = 0;
  let packetsLeftOut = 0;
  for (const { atMs, bytes } of readPcap(await readFile(path))) {
    frames += 1;
    const summary = summariseFrame(bytes);
    if (!summary) continue;
    if (packets.length < PACKETS_SHOWN_MAX) packets.push({ atMs, ...summary });
    else packetsLeftOut += 1;
  }
  return { file, bytes: (await stat(path)).size, frames, packets, packetsLeftOut };
}

export async function writeRunPage(runDirectory: string, facts: RunFacts): Promise<string> {
  const power = await readPower(join(runDirectory, 'rack-events.jsonl'));
  const machines = await Promise.all(
    facts.machines.map(async (report): Promise<MachineRecord> => ({
      report,
      events: await readEvents(join(runDirectory, `${report.name}-timeline.json`)),
      power: power.get(report.name) ?? [],
      console: await readConsole(join(runDirectory, 'machines', report.name, 'console.log')),
    })),
  );
  const files = (await readdir(join(runDirectory, 'captures'))).filter((name) => name.endsWith('.pcap')).toSorted();
  const captures: CaptureRecord[] = [];
  // One after another: a capture may be 128 MiB.
  for (const name of files) captures.push(await readCapture(runDirectory, `captures/${name}`));
  const run: RunRecord = { ...facts, machines, captures };
  const page = join(runDirectory, 'run.html');
  await writeFile(page, viewRunPage(run));
  await writeFile(join(runDirectory, 'run.svg'), drawRun(run, 'file'));
  return page;
}
