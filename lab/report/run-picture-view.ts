import { axisTicks, escapeMarkup, formatSeconds, formatTick, number } from './markup.ts';
import type { MachineRecord, RunRecord } from './run-record.ts';
import { PALETTE, PICTURE_STYLE } from './run-style.ts';

/** The run at a glance: one row for each machine, its phases from power button to login. */
const WIDTH = 960;
const NAME_WIDTH = 168;
const RESULT_WIDTH = 92;
const ROW_HEIGHT = 46;
const BAR_HEIGHT = 20;
const TOP = 14;
const AXIS_HEIGHT = 26;
const LEGEND_HEIGHT = 22;
const TICK_ROOM = 70;
/** A character of a label inside a bar. */
const CHARACTER_WIDTH = 6.4;

const PHASES = ['discover', 'enroll', 'verify', 'inspect', 'clean', 'deploy', 'login'] as const;
/** What is no phase of every run is a fault's. */
const classOf = (phase: string): string => ((PHASES as readonly string[]).includes(phase) ? phase : 'fault');

interface Scale {
  readonly startedAtMs: number;
  readonly durationMs: number;
  x(atMs: number): number;
}

function scaleOf(run: RunRecord): Scale {
  const ends = run.machines.flatMap(({ report }) => report.phases.map((phase) => Date.parse(phase.startedAt) + phase.seconds * 1000));
  const starts = run.machines.flatMap(({ report }) => report.phases.map((phase) => Date.parse(phase.startedAt)));
  const startedAtMs = Math.min(...starts, run.endedAtMs);
  const durationMs = Math.max(1000, Math.max(...ends, startedAtMs) - startedAtMs);
  const room = WIDTH - NAME_WIDTH - RESULT_WIDTH;
  return { startedAtMs, durationMs, x: (atMs) => NAME_WIDTH + ((atMs - startedAtMs) / durationMs) * room };
}

function row({ report }: MachineRecord, top: number, scale: Scale): string {
  const middle = top + ROW_HEIGHT / 2;
  const bars = report.phases.map((phase) => {
    const from = scale.x(Date.parse(phase.startedAt));
    const width = Math.max(1.5, scale.x(Date.parse(phase.startedAt) + phase.seconds * 1000) - from - 1);
    const label = phase.name.length * CHARACTER_WIDTH + 8 < width;
    return `<g><title>${escapeMarkup(phase.name)}: ${formatSeconds(phase.seconds * 1000)}</title><rect class="${classOf(phase.name)}" x="${number(from)}" y="${number(middle - BAR_HEIGHT / 2)}" width="${number(width)}" height="${BAR_HEIGHT}" rx="3"/>${label ? `<text class="inside" x="${number(from + width / 2)}" y="${number(middle + 4)}" text-anchor="middle">${escapeMarkup(phase.name)}</text>` : ''}</g>`;
  });
  const last = report.phases.at(-1);
  const end = last === undefined ? NAME_WIDTH : scale.x(Date.parse(last.startedAt) + last.seconds * 1000);
  const isGoal = report.error === undefined;
  return [
    `<text class="name" x="0" y="${number(middle - 2)}">${escapeMarkup(report.name)}</text>`,
    `<text class="faint" x="0" y="${number(middle + 13)}">${escapeMarkup(`${report.firmware} · ${report.bmc}`)}</text>`,
    ...bars,
    `<text class="${isGoal ? 'goal' : 'failed'}" font-weight="600" x="${number(end + 8)}" y="${number(middle + 4)}">${escapeMarkup(report.state)}${report.ssh ? ' ✓' : ''}</text>`,
  ].join('\n');
}

/** The names of all phases: most are too short for a name of their own in the row. */
function legend(run: RunRecord, top: number): string {
  const shown = new Set(run.machines.flatMap(({ report }) => report.phases.map(({ name }) => classOf(name))));
  let x = NAME_WIDTH;
  return [...PHASES, 'fault']
    .filter((phase) => shown.has(phase))
    .map((phase) => {
      const at = x;
      x += phase.length * CHARACTER_WIDTH + 34;
      return `<rect class="${phase}" x="${number(at)}" y="${top}" width="10" height="10" rx="2"/><text class="faint" x="${number(at + 15)}" y="${top + 9}">${phase}</text>`;
    })
    .join('\n');
}

export function drawRun(run: RunRecord, form: 'inline' | 'file'): string {
  const scale = scaleOf(run);
  const bottom = TOP + run.machines.length * ROW_HEIGHT;
  const height = bottom + AXIS_HEIGHT + LEGEND_HEIGHT;
  const ticks = axisTicks(scale.durationMs, WIDTH - NAME_WIDTH - RESULT_WIDTH, TICK_ROOM).map((ms) => {
    const x = number(scale.x(scale.startedAtMs + ms));
    return `<line class="axis" x1="${x}" x2="${x}" y1="${TOP}" y2="${bottom}"/><text class="faint" x="${x}" y="${bottom + 16}" text-anchor="middle">${formatTick(ms)}</text>`;
  });
  const size = form === 'file' ? ` width="${WIDTH}" height="${height}"` : '';
  const style = form === 'file' ? `<style>${PALETTE}${PICTURE_STYLE}</style>` : '';
  const title = `${run.machines.length} machine${run.machines.length === 1 ? '' : 's'} from power button to ${run.machines.some(({ report }) => report.ssh) ? 'login' : 'available'}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"${size} role="img" aria-label="${title}">${style}
${ticks.join('\n')}
${run.machines.map((machine, index) => row(machine, TOP + index * ROW_HEIGHT, scale)).join('\n')}
${legend(run, bottom + AXIS_HEIGHT + 4)}
</svg>\n`;
}
