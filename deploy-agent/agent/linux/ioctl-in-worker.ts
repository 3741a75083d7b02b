import { Worker } from 'node:worker_threads';
import { addressOf } from './libc.ts';

/** Addresses are the same in every thread of the process: the worker needs nothing but the number. */
const SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const { dlopen, getInt32 } = require('node:ffi');
const { functions } = dlopen(null, {
  ioctl: { arguments: ['i32', 'u64', 'pointer'], return: 'i32' },
  __errno_location: { arguments: [], return: 'pointer' },
});
const answer = functions.ioctl(workerData.fd, BigInt(workerData.request), workerData.address);
parentPort.postMessage(answer < 0 ? -getInt32(functions.__errno_location()) : answer);
`;

/** An ioctl that may take minutes: the event loop, and with it the heartbeat, goes on. */
export function ioctlInWorker(fd: number, request: number, argument: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(SOURCE, { eval: true, workerData: { fd, request, address: addressOf(argument) } });
    worker.once('message', (answer: number) => {
      // The closure keeps the memory that the kernel wrote to alive until here.
      void argument.length;
      resolve(answer);
    });
    worker.once('error', reject);
  });
}
