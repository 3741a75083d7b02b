import { addressOf, ioctl } from './libc.ts';
import { ioctlInWorker } from './ioctl-in-worker.ts';

/** NVMe admin commands (include/uapi/linux/nvme_ioctl.h `nvme_admin_cmd`, 72 bytes). */
const NVME_IOCTL_ADMIN_CMD = 0xc0484e41;

export interface NvmeAdminCommand {
  readonly opcode: number;
  readonly namespaceId?: number;
  readonly data?: Buffer;
  readonly cdw10?: number;
  readonly timeoutMs?: number;
}

function prepare(request: NvmeAdminCommand): Buffer {
  const command = Buffer.alloc(72);
  command[0] = request.opcode;
  command.writeUInt32LE(request.namespaceId ?? 0, 4);
  if (request.data) {
    command.writeBigUInt64LE(addressOf(request.data), 24);
    command.writeUInt32LE(request.data.length, 36);
  }
  command.writeUInt32LE(request.cdw10 ?? 0, 40);
  command.writeUInt32LE(request.timeoutMs ?? 5000, 64);
  return command;
}

/** Zero is success, a positive number the device's status, a negative one minus errno. */
export const sendNvmeAdmin = (fd: number, request: NvmeAdminCommand): number => ioctl(fd, NVME_IOCTL_ADMIN_CMD, prepare(request));

export const sendLongNvmeAdmin = (fd: number, request: NvmeAdminCommand): Promise<number> =>
  ioctlInWorker(fd, NVME_IOCTL_ADMIN_CMD, prepare(request));
