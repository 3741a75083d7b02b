import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { FRU_COMMAND } from '../../../bmc/ipmi/fru-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { CommandTable } from './command-handler.ts';

/** FRU device 0, readable and writable (IPMI 2.0 §34). */
const READ_BYTES_MAX = 64;

export const fruCommands: CommandTable = {
  [FRU_COMMAND.areaInfo]: {
    privilege: PRIVILEGE.user,
    bytesMin: 1,
    run: (bmc, data) => (data[0] === 0 ? Buffer.from([bmc.fru.length & 0xff, bmc.fru.length >> 8, 0]) : COMPLETION.notPresent),
  },
  [FRU_COMMAND.read]: {
    privilege: PRIVILEGE.user,
    bytesMin: 4,
    run(bmc, data) {
      if (data[0] !== 0) return COMPLETION.notPresent;
      const offset = data.readUInt16LE(1);
      if (offset >= bmc.fru.length) return COMPLETION.parameterOutOfRange;
      if (data[3]! > READ_BYTES_MAX) return COMPLETION.cannotReturnBytes;
      const bytes = bmc.fru.subarray(offset, offset + data[3]!);
      return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    },
  },
  [FRU_COMMAND.write]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 4,
    run(bmc, data) {
      if (data[0] !== 0) return COMPLETION.notPresent;
      const offset = data.readUInt16LE(1);
      if (offset + data.length - 3 > bmc.fru.length) return COMPLETION.parameterOutOfRange;
      return Buffer.from([data.copy(bmc.fru, offset, 3)]);
    },
  },
};
