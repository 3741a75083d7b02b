/**
 * Our boot plane as `serve --role boot` runs it, without a control plane behind it: leases are stored and events recorded at
 * once. Its argument is a directory with `data/`, `files/` (iPXE's binaries) and `images/`. Prints a boot token when it is ready.
 */
import { join } from 'node:path';
import { encodeBootToken, BOOT_TOKEN_LIFETIME_MS } from '../../core/base/boot-token-codec.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import { systemRandom } from '../../core/base/random.ts';
import { startBootPlane } from '../../pxe/boot-plane.ts';
import { BENCH_SECRET, SERVER_ADDRESS, SERVER_INTERFACE } from './bench-wire.ts';

const write = (fields: object, message: string) =>
  void process.stderr.write(`${message} ${String((fields as { err?: unknown }).err ?? '')}\n`);
const logger: Logger = { debug: () => {}, info: () => {}, warn: write, error: write, child: () => logger };

const directory = process.argv[2]!;
const plane = await startBootPlane({
  model: {
    version: 1,
    subnets: [
      {
        id: 'bench',
        cidr: '10.99.0.0/16',
        interface: SERVER_INTERFACE,
        serverAddress: SERVER_ADDRESS,
        gateway: SERVER_ADDRESS,
        dnsServers: [SERVER_ADDRESS],
        pools: [],
        discoveryPool: ['10.99.1.1', '10.99.254.250'],
        leaseSeconds: 3600,
        routerAdvertisements: false,
      },
    ],
    hosts: [],
    files: {
      agentKernel: join(directory, 'files/kernel'),
      agentRamdisk: join(directory, 'files/ramdisk'),
      agentCommandLine: '',
      ipxeDirectory: join(directory, 'files'),
      imageDirectory: join(directory, 'images'),
    },
    bootSecret: BENCH_SECRET.toString('base64'),
  },
  dataDirectory: join(directory, 'data'),
  httpPort: 8080,
  recordEvent: () => {},
  storeLeases: async () => {},
  clock: systemClock,
  random: systemRandom,
  logger,
});
const claims = { mac: '52:54:00:00:00:01', expiresAtMs: Date.now() + BOOT_TOKEN_LIFETIME_MS };
process.stdout.write(`token ${encodeBootToken(claims, BENCH_SECRET)}\n`);
process.on('SIGTERM', () => void plane.stop());
process.on('SIGUSR2', () => process.stderr.write(`${JSON.stringify(plane.metrics())}\n`));
