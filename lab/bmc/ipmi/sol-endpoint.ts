import { createSolLink } from '../../../bmc/ipmi/sol-link-codec.ts';
import { decodeSol, encodeSol } from '../../../bmc/ipmi/sol-codec.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { BmcModel } from '../bmc-model.ts';

/** The BMC's end of one Serial over LAN session: the machine's console on one side, SOL packets on the other. */
export interface SolEndpoint {
  receive(payload: Buffer): void;
  close(): void;
}

/** Characters a packet; ipmitool and ipmiconsole take up to 255 with the header. */
export const SOL_PACKET_BYTES_MAX = 204;
const SOL_HEADER_BYTES = 4;
const RETRY_MS = 500;
const TRIES_MAX = 10;
/** Console output that no one acknowledges is dropped past this, oldest first. */
const BUFFER_BYTES_MAX = 64 * 1024;

export function openSolEndpoint(bmc: BmcModel, transmit: (payload: Buffer) => void, lost: () => void): SolEndpoint {
  const link = createSolLink({
    chunkBytes: SOL_PACKET_BYTES_MAX - SOL_HEADER_BYTES,
    retryMs: RETRY_MS,
    triesMax: TRIES_MAX,
    queueBytesMax: BUFFER_BYTES_MAX,
  });
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const pump = () => {
    clearTimeout(timer);
    for (;;) {
      if (closed) return;
      const turn = link.next(bmc.clock.nowMs());
      if (turn.lost) return lost();
      if (turn.packet) transmit(encodeSol(turn.packet));
      else {
        if (turn.wakeInMs !== undefined) timer = setTimeout(pump, turn.wakeInMs);
        return;
      }
    }
  };
  const unsubscribe = bmc.machine.console.onData((bytes) => {
    link.queue(bytes);
    pump();
  });

  return {
    receive(payload) {
      const packet = decodeSol(payload);
      if (isMalformed(packet)) return;
      const typed = link.receive(packet, bmc.clock.nowMs());
      pump();
      if (typed.length > 0) bmc.machine.console.write(typed);
    },
    close() {
      closed = true;
      clearTimeout(timer);
      unsubscribe();
    },
  };
}
