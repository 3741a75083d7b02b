import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { SEL_COMMAND, SEL_LAST, SEL_RECORD_BYTES } from '../../../bmc/ipmi/sel-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { EVENT_LOG_ENTRIES_MAX } from '../event-log.ts';
import type { CommandResult, CommandTable } from './command-handler.ts';

/** System Event Log (IPMI 2.0 §31). The log keeps to one reservation, which never lapses. */
const RESERVATION = Buffer.from([1, 0]);
const ERASED = 1;

function info(bmc: BmcModel): CommandResult {
  const data = Buffer.alloc(14);
  const count = bmc.eventLog.entries().length;
  data[0] = 0x51;
  data.writeUInt16LE(count, 1);
  data.writeUInt16LE((EVENT_LOG_ENTRIES_MAX - count) * SEL_RECORD_BYTES, 3);
  data.writeUInt32LE(bmc.eventLog.addedAtSeconds >>> 0, 5);
  data.writeUInt32LE(bmc.eventLog.clearedAtSeconds >>> 0, 9);
  data[13] = 0x02; // reservations supported
  return data;
}

function entry(bmc: BmcModel, data: Buffer): CommandResult {
  const wanted = data.readUInt16LE(2);
  const entries = bmc.eventLog.entries();
  const at = wanted === 0 ? 0 : wanted === SEL_LAST ? entries.length - 1 : entries.findIndex((each) => each.id === wanted);
  const record = entries[at];
  if (!record) return COMPLETION.notPresent;
  const offset = data[4]!;
  const count = Math.min(data[5]!, SEL_RECORD_BYTES - offset);
  if (count <= 0) return COMPLETION.parameterOutOfRange;
  const next = Buffer.alloc(2);
  next.writeUInt16LE(entries[at + 1]?.id ?? SEL_LAST);
  return Buffer.concat([next, record.bytes.subarray(offset, offset + count)]);
}

function u32(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32LE(value >>> 0);
  return data;
}

export const selCommands: CommandTable = {
  [SEL_COMMAND.info]: { privilege: PRIVILEGE.user, run: info },
  [SEL_COMMAND.reserve]: { privilege: PRIVILEGE.user, run: () => RESERVATION },
  [SEL_COMMAND.entry]: { privilege: PRIVILEGE.user, bytesMin: 6, run: entry },
  [SEL_COMMAND.add]: {
    privilege: PRIVILEGE.operator,
    bytesMin: SEL_RECORD_BYTES,
    run(bmc, data) {
      const id = bmc.eventLog.add(data);
      return Buffer.from([id & 0xff, id >> 8]);
    },
  },
  [SEL_COMMAND.clear]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 6,
    run(bmc, data) {
      if (data.toString('latin1', 2, 5) !== 'CLR') return COMPLETION.invalidField;
      if (data[5] === 0xaa) bmc.eventLog.clear();
      return Buffer.from([ERASED]);
    },
  },
  [SEL_COMMAND.time]: { privilege: PRIVILEGE.user, run: (bmc) => u32(bmc.eventLog.nowSeconds()) },
  [SEL_COMMAND.setTime]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 4,
    run(bmc, data) {
      bmc.eventLog.offsetSeconds += data.readUInt32LE(0) - bmc.eventLog.nowSeconds();
      return Buffer.alloc(0);
    },
  },
};
