import { createConnection } from 'node:net';
import { once } from 'node:events';
import { isMalformed } from '../../core/base/malformed.ts';
import type { BmcAnswer, BmcDevice } from '../../deploy-agent/agent/bmc/bmc-device.ts';
import { createKcsVmReader, encodeKcsVmMessage } from '../../lab/bmc/kcs-vm-codec.ts';

/** A machine's own way to its BMC where there is no kernel: the socket that QEMU would speak over. */
export async function openKcsBmcDevice(path: string): Promise<BmcDevice> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  const waiting = new Map<number, (answer: BmcAnswer) => void>();
  let hangUp = (_error: Error) => {};
  const gone = new Promise<never>((_resolve, reject) => (hangUp = reject));
  gone.catch(() => {});
  socket.once('close', () => hangUp(new Error('the BMC is gone')));
  const read = createKcsVmReader();
  socket.on('data', (chunk: Buffer) => {
    for (const frame of read(chunk)) {
      if (isMalformed(frame) || frame.kind === 'control') continue;
      waiting.get(frame.id)?.({ code: frame.data[0]!, data: frame.data.subarray(1) });
      waiting.delete(frame.id);
    }
  });
  let lastId = 0;
  return {
    request(netFunction, command, data = new Uint8Array()) {
      lastId = (lastId + 1) & 0xff;
      const answer = new Promise<BmcAnswer>((resolve) => waiting.set(lastId, resolve));
      socket.write(encodeKcsVmMessage({ kind: 'message', id: lastId, netFn: netFunction, lun: 0, command, data: Buffer.from(data) }));
      return Promise.race([answer, gone]);
    },
    close: () => void socket.destroy(),
  };
}
