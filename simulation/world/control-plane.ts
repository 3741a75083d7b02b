import { createCertificateAuthority } from '../../core/base/certificate-authority.ts';
import { createTlsIdentity } from '../../core/base/tls-identity.ts';
import { createBmcConnector } from '../../bmc/connect-bmc.ts';
import type { BmcAddress, BmcConnection } from '../../bmc/capability.ts';
import { silentLogger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { createFlowEngine } from '../../core/flow/flow-engine.ts';
import { nodeFlows } from '../../flows/node-flows.ts';
import type { LocalImageStore } from '../../images/image-store.ts';
import { createEventRecorder } from '../../inventory/event-recorder.ts';
import { makeLife, type World } from './world.ts';

const SWITCH_MS = 60_000;
const refuse = async (): Promise<never> => {
  throw new Error('images of the simulation are files of its boot server: there is no store');
};
const AUTHORITY = createCertificateAuthority(createTlsIdentity('simulation', Date.now()));
const NO_STORE: LocalImageStore = {
  id: 'none',
  kind: 'file',
  description: 'no store',
  directory: '/nowhere',
  pathOf: () => '/nowhere',
  put: refuse,
  open: refuse,
  openFile: refuse,
  list: async () => [],
  remove: refuse,
  listIncomplete: async () => [],
  dropIncomplete: refuse,
};

/** A worker and API process of the product: its flow engine, its recorder and its way to BMCs, on a clock and a database of the simulation. */
export interface ControlPlane {
  readonly database: Database;
  readonly isAlive: () => boolean;
  /** As `kill -9` does: between two statements, and nothing of it happens any more. */
  kill(): void;
}

export async function startControlPlane(
  world: World,
  settings: { readonly name: string; readonly leaseMs: number; readonly connectAddress: (address: BmcAddress) => BmcConnection },
): Promise<ControlPlane> {
  const { server, time, sealer, random } = world;
  const life = makeLife();
  const clock = time.clockOf(life);
  const database = server.databaseOf(life);
  const recorder = createEventRecorder(database, clock, silentLogger);
  const bmcs = createBmcConnector({
    logger: silentLogger,
    clock,
    random,
    recordEvent: recorder.record,
    connectAddress: settings.connectAddress,
  });
  const engine = createFlowEngine({
    database,
    definitions: nodeFlows({
      db: database.db,
      connectBmc: bmcs.connect,
      sealer,
      clock,
      cleaning: { automated: true, step_priorities: {} },
      bmcCertificates: { authority: AUTHORITY, days: 1 },
      bootMedia: undefined,
      images: { db: database.db, stores: { all: [NO_STORE], stagingDirectory: '/nowhere', near: NO_STORE } },
      networks: { named: {}, timeoutMs: SWITCH_MS },
    }),
    owner: settings.name,
    clock,
    logger: silentLogger,
    leaseMs: settings.leaseMs,
  });
  world.note(settings.name, 'starts');
  void engine.start();
  return {
    database,
    isAlive: () => life.alive,
    kill() {
      if (!life.alive) return;
      world.note(settings.name, 'is killed');
      life.alive = false;
      server.bury(life);
    },
  };
}
