import { styleText, type InspectColor } from 'node:util';

/** The places a command writes to, and what they can show. Results go to `out`, everything else to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Colours `err` text where a person looks at it; plain in files and pipes, or with NO_COLOR. */
  colour(colours: InspectColor | InspectColor[], text: string): string;
  /** Columns of the terminal behind `out`; undefined in files and pipes: nothing is cut there. */
  readonly columns: number | undefined;
  /** A line on `err` can be redrawn. */
  readonly redraws: boolean;
}

export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`),
  err: (text) => void process.stderr.write(text.endsWith('\n') ? text : `${text}\n`),
  colour: (colours, text) => styleText(colours, text, { stream: process.stderr }),
  get columns() {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  },
  get redraws() {
    return process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  },
};
