import { StringDecoder } from 'node:string_decoder';

/** Cuts a serial console into lines for events, without the escape sequences that move a cursor. */
const ESCAPE = String.fromCharCode(0x1b);
const ESCAPES = new RegExp(`${ESCAPE}(?:\\[[0-9;?=]*[A-Za-z]|[()][A-Za-z0-9]|[A-Za-z=>])`, 'g');
/** A screen that is painted without line ends must not pile up. */
const LINE_CHARACTERS_MAX = 2_000;

export function createConsoleLines(onLine: (line: string) => void): (bytes: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return (bytes) => {
    const lines = (rest + decoder.write(bytes)).split(/[\r\n]+/);
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARACTERS_MAX) {
      lines.push(rest);
      rest = '';
    }
    for (const line of lines) {
      const text = line.replace(ESCAPES, '').trimEnd();
      if (text !== '') onLine(text);
    }
  };
}
