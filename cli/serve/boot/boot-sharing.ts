import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../../core/base/logger.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { readLeases, reportBootServer } from '../../../inventory/boot-server-service.ts';
import type { BootPlane } from '../../../pxe/boot-plane.ts';
import { type NetworkShare, SHARE_VALID_MS } from '../../../pxe/network-share.ts';
import type { Configuration } from '../configuration.ts';

/*
 * What this boot server may give of networks that it shares: reports to the control plane, keeps the answer on disk, has the boot plane obey
 * it, and only then says that it does. Slots that it lets go are free for another when it has said so, and all leases in them are rows.
 */
type BootNetwork = Configuration['boot']['networks'][number];

/** Others see in this time that a server joined; its share is renewed as often. */
const REPORT_MS = 10_000;
/** A share on disk that says an earlier end is only more careful, so it is not written at each report. */
const REWRITE_MS = 10 * 60 * 1000;
/** Silence reasons and replies of both families that `boot status` shows. */
const SHOWN_COUNTERS = /^(dhcp6?\.(sent|silence)|peer)[.-]/;

export interface BootSharing {
  stop(): void;
}

/** The shares that were obeyed last; none where there is no file. */
export async function readShares(path: string): Promise<NetworkShare[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  return JSON.parse(text) as NetworkShare[];
}

/** Survives a loss of power: a server that forgot that it let slots go would give their addresses again. */
async function writeShares(path: string, shares: readonly NetworkShare[]): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(shares));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export function startBootSharing(options: {
  readonly networks: readonly BootNetwork[];
  readonly path: string;
  /** What the boot plane obeys now. */
  readonly shares: readonly NetworkShare[];
  readonly plane: BootPlane;
  readonly database: Database;
  readonly logger: Logger;
}): BootSharing {
  const { networks, path, plane, database, logger } = options;
  const startedAtMs = Date.now();
  const stopping = new AbortController();
  let obeyed = options.shares;
  let writtenAtMs = 0;
  let hasComplained = false;

  const shareOf = (subnetId: string) => obeyed.find((share) => share.subnetId === subnetId);
  const statusOf = (subnetId: string) => ({
    peers: Object.fromEntries(
      plane.peers().flatMap((peer) => (peer.subnetId === subnetId ? [[peer.address, { alive: peer.isAlive, untold: peer.untold }]] : [])),
    ),
    counters: Object.fromEntries(Object.entries(plane.metrics()).filter(([name]) => SHOWN_COUNTERS.test(name))),
  });
  const report = async (network: BootNetwork): Promise<NetworkShare> => {
    const startMs = Date.now();
    const held = shareOf(network.name);
    const share = await reportBootServer(database.db, {
      cidr: network.cidr,
      address: network.server_address,
      heldEpoch: held?.epoch ?? 0,
      isBounded: held?.validUntilMs !== undefined,
      leaseSeconds: network.lease_seconds,
      startedAtMs,
      status: statusOf(network.name),
    });
    return { ...share, subnetId: network.name, ...(share.members.length > 1 ? { validUntilMs: startMs + SHARE_VALID_MS } : {}) };
  };
  const gains = (share: NetworkShare) =>
    share.slots.some((owner, slot) => owner === share.self && shareOf(share.subnetId)?.slots[slot] !== share.self);

  /** Once around. True when there is something new to say. */
  const round = async (): Promise<boolean> => {
    const shares: NetworkShare[] = [];
    for (const network of networks) shares.push(await report(network));
    const isNew = shares.some((share) => share.epoch !== shareOf(share.subnetId)?.epoch);
    if (isNew || Date.now() - writtenAtMs > REWRITE_MS) {
      await writeShares(path, shares);
      writtenAtMs = Date.now();
    }
    const gaining = networks.filter(({ name }) => shares.some((share) => share.subnetId === name && gains(share)));
    for (const network of gaining) {
      const rows = await readLeases(database.db, [network.cidr, ...(network.ipv6 === undefined ? [] : [network.ipv6.cidr])]);
      await plane.learnLeases(rows.map((row) => ({ ...row, subnetId: network.name })));
    }
    plane.setShares(shares);
    obeyed = shares;
    if (isNew) await plane.leasesStored(stopping.signal);
    return isNew;
  };

  let running = Promise.resolve();
  const refresh = () => {
    running = running.then(async () => {
      try {
        while (!stopping.signal.aborted && (await round()));
        hasComplained = false;
      } catch (error) {
        if (stopping.signal.aborted || hasComplained) return;
        hasComplained = true;
        logger.warn({ err: error }, 'this boot server could not report; it goes on with the share of addresses that it has');
      }
    });
  };
  const timer = setInterval(refresh, REPORT_MS);
  const stopListening = [database.listen('boot_share', refresh), database.onReconnect(refresh)];
  refresh();
  return {
    stop() {
      stopping.abort(new Error('the boot role stops'));
      clearInterval(timer);
      for (const stop of stopListening) stop();
    },
  };
}
