/*
 * Messages of JSON-RPC 1.0 over a stream (RFC 7047, section 4): objects one behind the other, with nothing between them and no length
 * before them. They are cut where the outermost brace closes; bytes inside texts do not count.
 */
export interface JsonStream {
  /** The whole messages that these bytes complete. @throws SyntaxError, and RangeError past the limit: the peer is no OVSDB server */
  push(chunk: Uint8Array): unknown[];
}

/** The whole northbound database of a large cloud is tens of megabytes in one answer. */
export const MESSAGE_BYTES_MAX = 512 * 2 ** 20;

const [QUOTE, BACKSLASH, OPEN, CLOSE] = [0x22, 0x5c, 0x7b, 0x7d];

export function createJsonStream(): JsonStream {
  let parts: Uint8Array[] = [];
  let keptBytes = 0;
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  return {
    push(chunk) {
      const messages: unknown[] = [];
      let start = 0;
      for (let at = 0; at < chunk.length; at += 1) {
        const byte = chunk[at]!;
        if (inText) {
          if (isEscaped) isEscaped = false;
          else if (byte === BACKSLASH) isEscaped = true;
          else if (byte === QUOTE) inText = false;
        } else if (byte === QUOTE) inText = true;
        else if (byte === OPEN) depth += 1;
        else if (byte === CLOSE && --depth === 0) {
          messages.push(JSON.parse(Buffer.concat([...parts, chunk.subarray(start, at + 1)]).toString()));
          [parts, keptBytes, start] = [[], 0, at + 1];
        }
      }
      if (start < chunk.length) {
        parts.push(chunk.subarray(start));
        keptBytes += chunk.length - start;
        if (keptBytes > MESSAGE_BYTES_MAX) throw new RangeError(`a message of more than ${MESSAGE_BYTES_MAX} bytes`);
      }
      return messages;
    },
  };
}
