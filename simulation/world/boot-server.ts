import { after } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import { buildBootModel, readBootHost, storeLeases } from '../../inventory/boot-model-service.ts';
import { createEventRecorder } from '../../inventory/event-recorder.ts';
import { createBootDesk, type BootDesk } from '../../pxe/boot-desk.ts';
import type { BootModel, LeaseRecord } from '../../pxe/boot-model.ts';
import { makeLife, meets, type World } from './world.ts';

export const BOOT_ADDRESS = '10.77.0.1';
export const BOOT_INTERFACE = 'rack0';
const BOOT_HTTP_PORT = 8080;
/** As the product's boot role waits for more changes of one moment. */
const MODEL_GATHER_MS = 50;

/** What outlives the process: its journal of leases, and the last model. */
export interface BootDisk {
  leases: readonly LeaseRecord[];
  model: BootModel | undefined;
}

export interface BootServer {
  readonly desk: BootDesk;
  kill(): void;
}

export async function startBootServer(world: World, disk: BootDisk, onReply: (packet: Buffer) => void): Promise<BootServer> {
  const { server, time, random } = world;
  const life = makeLife();
  const clock = time.clockOf(life);
  const database = server.databaseOf(life);
  const { db } = database;
  const recorder = createEventRecorder(database, clock, silentLogger);
  const read = async () => (disk.model = await readModel(world, db));
  const desk = createBootDesk({
    model: await read().catch(() => disk.model ?? emptyModel(world)),
    leases: disk.leases,
    async keepLeases(leases) {
      if (meets(world, 'full-disk')) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      const kept = new Map([...disk.leases, ...leases].map((lease) => [lease.ipAddress, lease]));
      disk.leases = [...kept.values()];
    },
    onReply: (packet) => {
      if (life.alive) onReply(packet);
    },
    httpPort: BOOT_HTTP_PORT,
    recordEvent: recorder.record,
    storeLeases: (batch) => storeLeases(db, batch),
    askHost: (mac) => readBootHost(db, mac),
    clock,
    random,
    logger: silentLogger,
  });
  let isDue = false;
  const refresh = () => {
    if (isDue) return;
    isDue = true;
    after(clock, MODEL_GATHER_MS, () => {
      isDue = false;
      read().then(desk.replaceModel, () => {});
    });
  };
  database.listen('boot_model', refresh);
  database.onReconnect(refresh);
  return {
    desk,
    kill() {
      world.note('boot server', 'is killed');
      life.alive = false;
      server.bury(life);
    },
  };
}

const given = (world: World) => ({
  subnets: [
    {
      id: 'rack',
      cidr: '10.77.0.0/24',
      interface: BOOT_INTERFACE,
      serverAddress: BOOT_ADDRESS,
      dnsServers: [BOOT_ADDRESS],
      pools: [['10.77.0.50', '10.77.0.199']] as const,
      discoveryPool: ['10.77.0.200', '10.77.0.250'] as const,
      leaseSeconds: 3600,
      routerAdvertisements: false,
    },
  ],
  relayRules: [],
  classes: [],
  leaseQueriesFrom: [],
  files: {
    agentKernel: '/boot/vmlinuz',
    agentRamdisk: '/boot/ramdisk',
    agentCommandLine: `rackwright.api=https://${BOOT_ADDRESS}:5443`,
    ipxeDirectory: '/boot/ipxe',
    imageDirectory: '/images',
  },
  bootSecret: world.bootSecret.toString('base64'),
  version: world.time.nowMs(),
});

const readModel = (world: World, db: Parameters<typeof buildBootModel>[0]): Promise<BootModel> =>
  buildBootModel(db, { ...given(world), machineOptions: {}, reservations: {}, reservations6: {}, withdrawnMacs: [] });

const emptyModel = (world: World): BootModel => ({ ...given(world), hosts: [] });
