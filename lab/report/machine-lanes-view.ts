import { axisTicks, escapeMarkup, formatSeconds, formatTick, number } from './markup.ts';
import type { FaultReport } from '../fault/fault-book.ts';
import type { EventRecord, MachineRecord } from './run-record.ts';

/** A machine's time in lanes: what was done with it, the state that the product showed, its power, and every event by source. */
const WIDTH = 1080;
const LABEL_WIDTH = 92;
const RIGHT = 16;
const BAR_LANE = 24;
const DOT_LANE = 22;
const BAR_HEIGHT = 16;
const DOT_RADIUS = 3.4;
const TOP = 8;
const TICK_ROOM = 64;
const CHARACTER_WIDTH = 6.2;

/** In the order of a boot. `node` events are the state lane. */
const SOURCES = ['dhcp', 'tftp', 'http', 'bmc', 'agent', 'flow', 'console', 'lab'] as const;
const PHASES = ['discover', 'enroll', 'verify', 'inspect', 'clean', 'deploy', 'login'];

export interface TimeSpan {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

interface Block {
  readonly fromMs: number;
  readonly toMs: number;
  readonly label: string;
  readonly kind: string;
  /** Index of the event that began it. */
  readonly event?: number;
}

const STATE_KINDS: readonly (readonly [RegExp, string])[] = [
  [/failed|error/, 'failed'],
  [/wait|hold/, 'wait'],
  [/^active$|^available$|^rescue$/, 'goal'],
  [/ing$/, 'work'],
];
const kindOfState = (state: string): string => STATE_KINDS.find(([pattern]) => pattern.test(state))?.[1] ?? 'rest';

export const eventId = (machine: string, index: number): string => `${machine}-${index}`;

function stateBlocks({ events }: MachineRecord, endedAtMs: number): Block[] {
  const changes = events.flatMap((event, index) =>
    event.kind === 'node.state' && typeof event.evidence['to'] === 'string' ? [{ atMs: event.atMs, to: event.evidence['to'], index }] : [],
  );
  const first = events.find((event) => event.kind === 'agent.discovered');
  const blocks = changes.map((change, index): Block => ({
    fromMs: change.atMs,
    toMs: changes[index + 1]?.atMs ?? endedAtMs,
    label: change.to,
    kind: kindOfState(change.to),
    event: change.index,
  }));
  if (first && changes[0] && first.atMs < changes[0].atMs)
    blocks.unshift({ fromMs: first.atMs, toMs: changes[0].atMs, label: 'enroll', kind: 'rest', event: events.indexOf(first) });
  return blocks;
}

function powerBlocks({ power }: MachineRecord, endedAtMs: number): Block[] {
  return power.flatMap((change, index): Block[] =>
    change.state === 'on' ? [{ fromMs: change.atMs, toMs: power[index + 1]?.atMs ?? endedAtMs, label: 'power on', kind: 'power' }] : [],
  );
}

const phaseBlocks = ({ report }: MachineRecord): Block[] =>
  report.phases.map((phase) => {
    const fromMs = Date.parse(phase.startedAt);
    return { fromMs, toMs: fromMs + phase.seconds * 1000, label: phase.name, kind: PHASES.includes(phase.name) ? phase.name : 'fault' };
  });

export function drawLanes(machine: MachineRecord, span: TimeSpan, faults: readonly FaultReport[]): string {
  const durationMs = Math.max(1000, span.endedAtMs - span.startedAtMs);
  const room = WIDTH - LABEL_WIDTH - RIGHT;
  const x = (atMs: number) => LABEL_WIDTH + (Math.min(Math.max(atMs - span.startedAtMs, 0), durationMs) / durationMs) * room;
  const link = (event: number | undefined, inner: string) =>
    event === undefined ? `<g>${inner}</g>` : `<a href="#${escapeMarkup(eventId(machine.report.name, event))}">${inner}</a>`;
  const lanes: string[] = [];
  let top = TOP;
  const label = (text: string, height: number) => `<text class="faint" x="0" y="${number(top + height / 2 + 4)}">${text}</text>`;

  const bars = (name: string, blocks: readonly Block[]) => {
    if (blocks.length === 0) return;
    const y = number(top + (BAR_LANE - BAR_HEIGHT) / 2);
    const drawn = blocks.map(({ fromMs, toMs, label: text, kind, event }) => {
      const width = Math.max(1.2, x(toMs) - x(fromMs) - 0.8);
      const said = text.length * CHARACTER_WIDTH + 8 < width && kind !== 'power';
      const inside = said
        ? `<text class="inside ${kind === 'wait' ? kind : ''}" x="${number(x(fromMs) + width / 2)}" y="${number(top + BAR_LANE / 2 + 4)}" text-anchor="middle">${escapeMarkup(text)}</text>`
        : '';
      return link(
        event,
        `<title>${escapeMarkup(text)}: ${formatSeconds(toMs - fromMs)}, from ${formatSeconds(fromMs - span.startedAtMs)}</title><rect class="${kind}" x="${number(x(fromMs))}" y="${y}" width="${number(width)}" height="${BAR_HEIGHT}" rx="2.5"/>${inside}`,
      );
    });
    lanes.push(label(name, BAR_LANE), ...drawn);
    top += BAR_LANE;
  };
  const dots = (source: string) => {
    const drawn = machine.events.flatMap((event, index) => (event.source === source ? [mark(event, index)] : []));
    if (drawn.length === 0) return;
    lanes.push(label(source, DOT_LANE), ...drawn);
    top += DOT_LANE;
  };
  const mark = (event: EventRecord, index: number): string => {
    const middle = top + DOT_LANE / 2;
    const said = `<title>${formatSeconds(event.atMs - span.startedAtMs)} ${escapeMarkup(event.kind)}: ${escapeMarkup(event.message)}</title>`;
    const tookMs = Number(event.evidence['milliseconds'] ?? event.evidence['durationMs'] ?? 0);
    const from = x(event.atMs - tookMs);
    const bar =
      x(event.atMs) - from > 2 * DOT_RADIUS
        ? `<rect class="bar" x="${number(from)}" y="${number(middle - 3)}" width="${number(x(event.atMs) - from)}" height="6" rx="3"/>`
        : '';
    return link(
      index,
      `${said}${bar}<circle class="dot ${event.severity}" cx="${number(x(event.atMs))}" cy="${number(middle)}" r="${DOT_RADIUS}"/>`,
    );
  };

  bars('phase', phaseBlocks(machine));
  bars('state', stateBlocks(machine, span.endedAtMs));
  bars('power', powerBlocks(machine, span.endedAtMs));
  for (const source of SOURCES) dots(source);
  const moments = faults.flatMap((fault) => fault.moments.map((moment) => ({ fault: fault.name, ...moment })));
  if (moments.length > 0) {
    const middle = number(top + DOT_LANE / 2);
    const drawn = moments.map(({ fault, at, what }) => {
      const atMs = Date.parse(at);
      return `<g><title>${formatSeconds(atMs - span.startedAtMs)} ${escapeMarkup(fault)}: ${escapeMarkup(what)}</title><circle class="fault" cx="${number(x(atMs))}" cy="${middle}" r="${DOT_RADIUS}"/></g>`;
    });
    lanes.push(label('fault', DOT_LANE), ...drawn);
    top += DOT_LANE;
  }
  const bottom = top + 4;
  const ticks = axisTicks(durationMs, room, TICK_ROOM).map((ms) => {
    const at = number(x(span.startedAtMs + ms));
    return `<line class="axis" x1="${at}" x2="${at}" y1="${TOP}" y2="${bottom}"/><text class="faint" x="${at}" y="${bottom + 15}" text-anchor="middle">${formatTick(ms)}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${bottom + 22}" role="img" aria-label="Timeline of ${escapeMarkup(machine.report.name)}">\n${[...ticks, ...lanes].join('\n')}\n</svg>`;
}
