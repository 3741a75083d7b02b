import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { isMalformed } from '../../core/base/malformed.ts';
import { PRIVILEGE } from '../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from './bmc-model.ts';
import { runCommand } from './ipmi/dispatch.ts';
import {
  createKcsVmReader,
  encodeKcsVmControl,
  encodeKcsVmMessage,
  VM_CONTROL,
  VM_PROTOCOL_VERSION,
  type KcsVmFrame,
} from './kcs-vm-codec.ts';

/**
 * The in-band side: QEMU connects (`-chardev socket,...,reconnect=N -device ipmi-bmc-extern`) and the machine's own
 * commands reach the same model as the LAN's. Power stays with `MachineControl`: the BMC never asks QEMU to cut it here.
 */
export interface KcsVmServer {
  /** TCP port, when it listens on one. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

export type KcsVmListen = { readonly path: string } | { readonly host: string; readonly port: number };

function answerFrame(bmc: BmcModel, frame: KcsVmFrame, socket: Socket): void {
  if (frame.kind === 'control') {
    // QEMU tells of its capabilities, of a guest that reset, and of its version: nothing to answer.
    if (frame.command === VM_CONTROL.reset) bmc.record('bmc.kcs', `${bmc.name}: machine reset its BMC port`);
    return;
  }
  const data = runCommand(bmc, frame, { via: 'system', privilege: PRIVILEGE.administrator });
  socket.write(encodeKcsVmMessage({ ...frame, netFn: frame.netFn | 1, data }));
}

export async function startKcsVmServer(bmc: BmcModel, listen: KcsVmListen): Promise<KcsVmServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const read = createKcsVmReader();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(encodeKcsVmControl(VM_CONTROL.version, VM_PROTOCOL_VERSION));
    socket.on('data', (chunk: Buffer) => {
      for (const frame of read(chunk)) {
        if (isMalformed(frame)) bmc.record('bmc.kcs-malformed', `${bmc.name}: ${frame.reason}`, undefined, 'warning');
        else answerFrame(bmc, frame, socket);
      }
    });
  });
  // A socket file left by a killed process would make bind fail.
  if ('path' in listen) await rm(listen.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
