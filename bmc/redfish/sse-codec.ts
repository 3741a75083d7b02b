import { malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * Server-sent events (WHATWG HTML §9.2.6): lines, of which `data:` ones count; an empty line ends an event. Bytes come in pieces
 * that end anywhere.
 */
export interface SseReader {
  /** The data of the events that this piece completes. */
  push(piece: Buffer): readonly string[] | Malformed;
}

/** More than any BMC sends as one event. */
export const SSE_EVENT_BYTES_MAX = 256 * 1024;

export function createSseReader(): SseReader {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  let size = 0;
  return {
    push(piece) {
      const done: string[] = [];
      rest += decoder.decode(piece, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line !== '') {
          const [, text] = /^data:? ?(.*)$/s.exec(line) ?? [];
          if (text === undefined) continue;
          data.push(text);
          size += text.length;
        } else if (data.length > 0) {
          done.push(data.join('\n'));
          [data, size] = [[], 0];
        }
        if (size > SSE_EVENT_BYTES_MAX) return malformed('an event is too large', size);
      }
      return rest.length > SSE_EVENT_BYTES_MAX ? malformed('a line is too long', rest.length) : done;
    },
  };
}
