import { closeSync, openSync } from 'node:fs';
import { sendNvmeAdmin } from '../linux/nvme-admin.ts';
import { sendAta } from '../linux/sg-io.ts';
import { decodeAtaSmart, decodeNvmeHealth, type Smart } from './smart-codec.ts';

const SMART = 0xb0;
const SMART_READ_DATA = 0xd0;
const SMART_RETURN_STATUS = 0xda;
const SMART_KEY = [0, 0x4f, 0xc2] as const;
const NVME_GET_LOG_PAGE = 0x02;
const NVME_HEALTH_LOG = 0x02;

function readNvmeHealth(fd: number): Smart | undefined {
  const data = Buffer.alloc(512);
  const answer = sendNvmeAdmin(fd, {
    opcode: NVME_GET_LOG_PAGE,
    namespaceId: 0xffffffff,
    data,
    cdw10: ((data.length / 4 - 1) << 16) | NVME_HEALTH_LOG,
  });
  return answer === 0 ? decodeNvmeHealth(data) : undefined;
}

function readAtaSmart(fd: number): Smart | undefined {
  const bytes = Buffer.alloc(512);
  if (!sendAta(fd, { command: SMART, features: SMART_READ_DATA, lba: SMART_KEY, data: { direction: 'from-device', bytes } }).ok)
    return undefined;
  const status = sendAta(fd, { command: SMART, features: SMART_RETURN_STATUS, lba: SMART_KEY });
  return decodeAtaSmart(bytes, status.lba?.[0] === 0xf4 && status.lba[1] === 0x2c);
}

/** Undefined when the disk has no such thing. */
export function readSmart(name: string): Smart | undefined {
  if (!/^(nvme|sd)/.test(name)) return undefined;
  let fd: number;
  try {
    fd = openSync(`/dev/${name}`, 'r');
  } catch {
    return undefined;
  }
  try {
    return name.startsWith('nvme') ? readNvmeHealth(fd) : readAtaSmart(fd);
  } finally {
    closeSync(fd);
  }
}
