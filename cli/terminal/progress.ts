import type { Terminal } from './terminal.ts';

/** One line that says what is being done and for how long: redrawn on a terminal, printed once per change elsewhere. */
export interface Progress {
  /** What is being done now; with a fraction from 0 to 1 also a bar. */
  show(text: string, fraction?: number): void;
  /** Leaves the line as it is and ends it. */
  end(text?: string): void;
}

const BAR_CELLS = 24;
const REDRAW_MS = 200;
const CLEAR_LINE = '\r\u001b[K';

export const formatBar = (fraction: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
};

export const formatSeconds = (ms: number): string =>
  ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;

export function startProgress(terminal: Terminal, nowMs: () => number): Progress {
  const startedMs = nowMs();
  let current = '';
  let bar = '';
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    const text = `${bar}${current}  ${formatSeconds(nowMs() - startedMs)}`;
    process.stderr.write(`${CLEAR_LINE}${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  };
  if (terminal.redraws) timer = setInterval(draw, REDRAW_MS).unref();
  return {
    show(text, fraction) {
      bar = fraction === undefined ? '' : `${formatBar(fraction)} `;
      const changed = text !== current;
      current = text;
      if (terminal.redraws) draw();
      else if (changed) terminal.err(text);
    },
    end(text) {
      clearInterval(timer);
      if (terminal.redraws) process.stderr.write(CLEAR_LINE);
      if (text !== undefined) terminal.err(`${text} (${formatSeconds(nowMs() - startedMs)})`);
    },
  };
}
