import type { InventoryDisk } from '../../protocol.ts';
import { sendLongNvmeAdmin, sendNvmeAdmin } from '../linux/nvme-admin.ts';
import { sendAta, sendLongAta } from '../linux/sg-io.ts';

/**
 * Erasing by the device's own command reaches what writes cannot: spare and remapped blocks. Sanitize before format
 * (NVMe 2.0, 5.24 and 5.14), since it also clears caches and survives a power loss; ATA secure erase (ACS-4, 7.40).
 */
const NVME_IDENTIFY = 0x06;
const NVME_FORMAT = 0x80;
const NVME_SANITIZE = 0x84;
const NVME_GET_LOG_PAGE = 0x02;
const NVME_SANITIZE_LOG = 0x81;
const SANITIZE_BLOCK_ERASE = 2;
const SANITIZE_CRYPTO_ERASE = 4;
const NVME_IDENTIFY_BYTES = 4096;
/** Devices promise no time; this is for the ones that overwrite. */
const FORMAT_TIMEOUT_MS = 4 * 3600_000;
const SANITIZE_POLL_MS = 2000;

const ATA_IDENTIFY = 0xec;
const ATA_SECURITY_SET_PASSWORD = 0xf1;
const ATA_SECURITY_ERASE_PREPARE = 0xf3;
const ATA_SECURITY_ERASE_UNIT = 0xf4;
const ATA_SECURITY_DISABLE_PASSWORD = 0xf6;

const identify = (fd: number, cns: number, namespaceId: number): Buffer | undefined => {
  const data = Buffer.alloc(NVME_IDENTIFY_BYTES);
  return sendNvmeAdmin(fd, { opcode: NVME_IDENTIFY, namespaceId, data, cdw10: cns }) === 0 ? data : undefined;
};

async function waitForSanitize(fd: number, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const log = Buffer.alloc(512);
    if (
      sendNvmeAdmin(fd, {
        opcode: NVME_GET_LOG_PAGE,
        namespaceId: 0xffffffff,
        data: log,
        cdw10: ((log.length / 4 - 1) << 16) | NVME_SANITIZE_LOG,
      }) !== 0
    )
      return false;
    // 1 done, 2 in progress, 3 failed, 4 done with deallocation.
    const status = log.readUInt16LE(2) & 7;
    if (status !== 2) return status === 1 || status === 4;
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, SANITIZE_POLL_MS));
  }
}

async function eraseNvme(name: string, fd: number, signal: AbortSignal): Promise<'nvme-format' | 'nvme-sanitize' | undefined> {
  const controller = identify(fd, 1, 0);
  if (!controller) return undefined;
  const abilities = controller.readUInt32LE(328);
  const action = abilities & 2 ? SANITIZE_BLOCK_ERASE : abilities & 1 ? SANITIZE_CRYPTO_ERASE : undefined;
  // Sanitize takes every namespace of the controller: only when this disk is the only one.
  if (action !== undefined && controller.readUInt32LE(516) === 1 && sendNvmeAdmin(fd, { opcode: NVME_SANITIZE, cdw10: action }) === 0) {
    if (await waitForSanitize(fd, signal)) return 'nvme-sanitize';
  }
  const canFormat = (controller.readUInt16LE(256) & 2) !== 0;
  const formatsAll = (controller[524]! & 3) !== 0 && controller.readUInt32LE(516) !== 1;
  const namespaceId = Number(/n(\d+)$/.exec(name)?.[1] ?? 0);
  const namespace = identify(fd, 0, namespaceId);
  if (!canFormat || formatsAll || !namespace) return undefined;
  const ERASE_USER_DATA = 1 << 9;
  const answer = await sendLongNvmeAdmin(fd, {
    opcode: NVME_FORMAT,
    namespaceId,
    cdw10: (namespace[26]! & 0x0f) | ERASE_USER_DATA,
    timeoutMs: FORMAT_TIMEOUT_MS,
  });
  return answer === 0 ? 'nvme-format' : undefined;
}

async function eraseAta(fd: number): Promise<'ata-secure-erase' | undefined> {
  const words = Buffer.alloc(512);
  if (!sendAta(fd, { command: ATA_IDENTIFY, data: { direction: 'from-device', bytes: words } }).ok) return undefined;
  const security = words.readUInt16LE(128 * 2);
  const [supported, enabled, frozen, enhanced] = [security & 1, security & 2, security & 8, security & 32];
  // Enabled means that somebody else's password is set; frozen lasts until the next power cycle.
  if (!supported || enabled || frozen) return undefined;
  const password = Buffer.alloc(512);
  password.write('rackwright', 2, 32, 'latin1');
  const unit = Buffer.from(password);
  unit.writeUInt16LE(enhanced ? 2 : 0, 0);
  const send = (command: number, bytes?: Buffer) =>
    sendAta(fd, { command, ...(bytes ? { data: { direction: 'to-device' as const, bytes } } : {}) }).ok;
  if (!send(ATA_SECURITY_SET_PASSWORD, password)) return undefined;
  const minutes = Math.max(2, words.readUInt16LE((enhanced ? 90 : 89) * 2) * 2);
  const erased =
    send(ATA_SECURITY_ERASE_PREPARE) &&
    (
      await sendLongAta(fd, {
        command: ATA_SECURITY_ERASE_UNIT,
        data: { direction: 'to-device', bytes: unit },
        timeoutMs: minutes * 2 * 60_000,
      })
    ).ok;
  // A finished erase takes the password with it; after a failed one the disk must not stay locked.
  if (!erased) send(ATA_SECURITY_DISABLE_PASSWORD, password);
  return erased ? 'ata-secure-erase' : undefined;
}

export function eraseByDevice(
  disk: InventoryDisk,
  fd: number,
  signal: AbortSignal,
): Promise<'nvme-format' | 'nvme-sanitize' | 'ata-secure-erase' | undefined> {
  if (disk.bus === 'nvme') return eraseNvme(disk.name, fd, signal);
  if (disk.bus === 'sata') return eraseAta(fd);
  return Promise.resolve(undefined);
}
