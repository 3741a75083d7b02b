import { decodeBootToken } from '../../core/base/boot-token-codec.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { agentPath, isAgentFile } from '../files/agent-path.ts';
import { openBelow, openServedFile, type ServedFile } from '../files/served-file.ts';
import { type BootClient, type BootDirectory, IPXE_BINARIES } from '../model/boot-directory.ts';
import type { ModelIndex } from '../model/model-index.ts';
import { processorOf, SIGNED_LOADERS } from '../script/boot-file-policy.ts';
import { GRUB_LOOP } from '../script/grub-script-policy.ts';
import { TFTP_ERROR } from './tftp-codec.ts';
import { bytesSource, type TftpRejection, type TftpResolver } from './tftp-server.ts';
import { READ_AHEAD_BYTES, type TftpSource } from './tftp-transfer.ts';

const { x64: X64, arm64: ARM64 } = SIGNED_LOADERS;
const LOADERS: ReadonlySet<string> = new Set([X64.shim, X64.grub, ARM64.shim, ARM64.grub]);
const IPXE_SCRIPT = 'boot.ipxe';
const GRUB_CONFIGURATION = 'grub/grub.cfg';
const GRUB_SCRIPT = 'grub/machine.cfg';
const AGENT_FILE = /^boot\/([^/]+)\/((?:kernel|ramdisk)(?:-arm64)?)$/;
/** shim's revocations and certificates; GRUB's lists of modules and configurations by address. */
const OPTIONAL = /^(revocations_\w+\.efi|shim_certificate_\d+\.efi|grub\/((?:x86_64|arm64)-efi\/\w+\.lst|grub\.cfg-.*))$/;
/** Option 93 of PC BIOS; the other architectures that load a script are UEFI. */
const ARCHITECTURE_BIOS = 0;

const notFound = (message = 'no such file'): TftpRejection => ({ code: TFTP_ERROR.notFound, message });

/**
 * The virtual tree that TFTP shows: iPXE's binaries, signed loaders and what they load, and for each client its own script. shim and GRUB also ask for files
 * that nobody needs to have (revocations, modules, configurations by address): they are not there.
 */
export function createBootFileResolver(
  directory: BootDirectory,
  currentIndex: () => ModelIndex,
  clock: Clock,
  system: LinuxCalls | undefined,
): TftpResolver {
  const script = async (client: BootClient, isGrub: boolean): Promise<TftpSource | TftpRejection> => {
    if (!client.mac) return { code: TFTP_ERROR.accessViolation, message: 'no lease here tells whose script to send' };
    const platform = client.architecture === undefined ? undefined : client.architecture === ARCHITECTURE_BIOS ? 'pcbios' : 'efi';
    const processor = processorOf(client.architecture);
    const { text, kind } = await directory.script(client.mac, client.ipAddress, { platform, processor, isGrub });
    return bytesSource(Buffer.from(text), { intent: kind });
  };
  const loader = (name: string) => {
    const { signed, arm64 } = currentIndex().model.files;
    const path = { [X64.shim]: signed?.shim, [X64.grub]: signed?.grub, [ARM64.shim]: arm64?.shim, [ARM64.grub]: arm64?.grub }[name];
    return fileSource(system, path === undefined ? undefined : openServedFile(path), `${name} is missing on the boot server`);
  };
  return async (path, client) => {
    // Firmware sends leading and doubled slashes, Windows-bred one backslashes.
    const name = path.replace(/^[/\\]+/, '').replace(/\/{2,}/g, '/');
    if (name === IPXE_SCRIPT || name === GRUB_SCRIPT) return script(client, name === GRUB_SCRIPT);
    if (name === GRUB_CONFIGURATION) return Buffer.from(GRUB_LOOP);
    if (LOADERS.has(name)) return loader(name);
    const { model, secret } = currentIndex();
    const [, token, file] = AGENT_FILE.exec(name) ?? [];
    if (token !== undefined) {
      if (decodeBootToken(token, secret, clock.nowMs()) === undefined)
        return { code: TFTP_ERROR.accessViolation, message: 'the boot token is not valid or too old: boot the machine again' };
      const agent = file !== undefined && isAgentFile(file) ? agentPath(file, model.files) : undefined;
      return fileSource(system, agent === undefined ? undefined : openServedFile(agent), `${file} is missing`);
    }
    if (!IPXE_BINARIES.has(name)) return OPTIONAL.test(name) ? { ...notFound(), isAskedInVain: true } : notFound();
    return fileSource(system, openBelow(model.files.ipxeDirectory, [name]), `${name} is missing in the boot server's iPXE directory`);
  };
}

async function fileSource(
  system: LinuxCalls | undefined,
  opening: Promise<ServedFile | undefined> | undefined,
  missing: string,
): Promise<TftpSource | TftpRejection> {
  const file = await opening;
  if (file === undefined) return notFound(missing);
  const { handle, sizeBytes } = file;
  const readByThread = async (offset: number, length: number): Promise<Buffer> => {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  let memory: Buffer | undefined;
  return {
    sizeBytes,
    read(offset, length) {
      if (system === undefined || length > READ_AHEAD_BYTES) return readByThread(offset, length);
      memory ??= Buffer.allocUnsafeSlow(READ_AHEAD_BYTES);
      const bytes = memory.subarray(0, length);
      return system.readCached(handle.fd, bytes, offset) === length ? bytes : readByThread(offset, length);
    },
    close: () => handle.close(),
  };
}
