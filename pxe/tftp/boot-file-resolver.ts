import { openBelow } from '../files/served-file.ts';
import { type BootDirectory, IPXE_BINARIES } from '../model/boot-directory.ts';
import type { ModelIndex } from '../model/model-index.ts';
import { processorOf } from '../script/boot-file-policy.ts';
import { TFTP_ERROR } from './tftp-codec.ts';
import type { TftpResolver } from './tftp-server.ts';

const SCRIPT_NAME = 'boot.ipxe';
/** Option 93 of PC BIOS; the other architectures that load a script are UEFI. */
const ARCHITECTURE_BIOS = 0;

/** The virtual directory that TFTP shows: iPXE's binaries, and for each client its own script. */
export const createBootFileResolver =
  (directory: BootDirectory, currentIndex: () => ModelIndex): TftpResolver =>
  async (path, client) => {
    // Firmware sends leading and doubled slashes, Windows-bred one backslashes; the tree has one level only.
    const name = path.replace(/^[/\\]+/, '');
    if (name === SCRIPT_NAME) {
      if (!client.mac) return { code: TFTP_ERROR.accessViolation, message: 'no lease here tells whose script to send' };
      const platform = client.architecture === undefined ? undefined : client.architecture === ARCHITECTURE_BIOS ? 'pcbios' : 'efi';
      return Buffer.from(
        (await directory.script(client.mac, client.ipAddress, { platform, processor: processorOf(client.architecture) })).text,
      );
    }
    if (!IPXE_BINARIES.has(name)) return { code: TFTP_ERROR.notFound, message: 'no such file' };
    const file = await openBelow(currentIndex().model.files.ipxeDirectory, [name]);
    if (!file) return { code: TFTP_ERROR.notFound, message: `${name} is missing in the boot server's iPXE directory` };
    return {
      sizeBytes: file.sizeBytes,
      async read(offset, length) {
        const buffer = Buffer.alloc(length);
        const { bytesRead } = await file.handle.read(buffer, 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
      close: () => file.handle.close(),
    };
  };
