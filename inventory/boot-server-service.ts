import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type { LeaseRecord } from '../pxe/boot-model.ts';
import type { NetworkShare } from '../pxe/network-share.ts';
import { EMPTY_SLOTS, isGone, shareSlots, type ShareMember, shownSlots, type Slot, type SlotBook } from './boot-share-policy.ts';
import type { SeenBootServer } from './diagnosis/diagnosis-facts.ts';
import type { Db } from './node-record.ts';

/** What a boot server says of itself on one network. */
export interface BootServerReport {
  readonly cidr: string;
  /** Its IPv4 address there. */
  readonly address: string;
  /** See `ShareMember`. */
  readonly heldEpoch: number;
  readonly isBounded: boolean;
  readonly leaseSeconds: number;
  readonly startedAtMs: number;
  readonly status: JsonObject;
}

export type ReportedShare = Pick<NetworkShare, 'epoch' | 'self' | 'members' | 'slots'>;

/** Boot servers read their shares again when it is called. */
const CHANNEL = 'boot_share';

/** The database was set back: what it says of slots is older than what servers obey. */
export class ShareRecordTooOld extends Error {}

/**
 * Notes that a boot server lives and answers its share, of which it is the newest that there is.
 *
 * @throws ShareRecordTooOld
 */
export async function reportBootServer(db: Db, report: BootServerReport): Promise<ReportedShare> {
  return db.transaction().execute(async (trx) => {
    const book = await lockBook(trx, report.cidr);
    if (report.heldEpoch > book.epoch)
      throw new ShareRecordTooOld(
        `the database knows epoch ${book.epoch} of network ${report.cidr} and boot server ${report.address} obeys epoch ${report.heldEpoch}: the database was set back. Stop all boot servers of the network, remove boot/boot-shares.json from their data folders, and start them`,
      );
    await sql`
      insert into boot_server (cidr, address, held_epoch, is_bounded, lease_seconds, status, started_at)
      values (${report.cidr}, ${report.address}, ${report.heldEpoch}, ${report.isBounded}, ${report.leaseSeconds},
        ${JSON.stringify(report.status)}::jsonb, ${new Date(report.startedAtMs)})
      on conflict (cidr, address) do update set held_epoch = excluded.held_epoch, is_bounded = excluded.is_bounded,
        lease_seconds = excluded.lease_seconds, status = excluded.status, started_at = excluded.started_at, seen_at = now()`.execute(trx);
    const shared = await share(trx, report.cidr, book);
    // The answer tells the only server of a network that its share has no end, whatever it obeyed before.
    if (shared.members.length === 1)
      await trx.updateTable('boot_server').set({ is_bounded: false }).where('cidr', '=', report.cidr).execute();
    return { ...shared, self: report.address };
  });
}

/** An operator says that this server runs no more: its slots go to the others at once. False: there is no such server. */
export async function forgetBootServer(db: Db, cidr: string, address: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const book = await lockBook(trx, cidr);
    const { numDeletedRows } = await trx
      .deleteFrom('boot_server')
      .where('cidr', '=', cidr)
      .where('address', '=', address)
      .executeTakeFirst();
    if (numDeletedRows === 0n) return false;
    await share(trx, cidr, book);
    return true;
  });
}

async function lockBook(trx: Db, cidr: string): Promise<SlotBook> {
  await sql`insert into boot_network (cidr, epoch, slots) values (${cidr}, 0, ${JSON.stringify(EMPTY_SLOTS.slots)}::jsonb)
    on conflict (cidr) do nothing`.execute(trx);
  const row = await trx.selectFrom('boot_network').selectAll().where('cidr', '=', cidr).forUpdate().executeTakeFirstOrThrow();
  return { epoch: row.epoch, slots: row.slots as Slot[] };
}

async function share(trx: Db, cidr: string, book: SlotBook): Promise<Omit<ReportedShare, 'self'>> {
  const { members, nowMs } = await readMembers(trx, cidr);
  const leaseSecondsMax = Math.max(0, ...members.map(({ leaseSeconds }) => leaseSeconds));
  const gone = members.filter((member) => isGone(member, leaseSecondsMax, nowMs)).map(({ address }) => address);
  if (gone.length > 0) await trx.deleteFrom('boot_server').where('cidr', '=', cidr).where('address', 'in', gone).execute();
  const living = members.filter(({ address }) => !gone.includes(address));
  const shared = shareSlots(book, living);
  if (shared !== book) {
    await trx
      .updateTable('boot_network')
      .set({ epoch: shared.epoch, slots: JSON.stringify(shared.slots) })
      .where('cidr', '=', cidr)
      .execute();
    await sql`select pg_notify(${CHANNEL}, ${cidr})`.execute(trx);
  }
  return { epoch: shared.epoch, members: living.map(({ address }) => address).toSorted(), slots: shownSlots(shared) };
}

async function readMembers(trx: Db, cidr: string): Promise<{ members: ShareMember[]; nowMs: number }> {
  const { rows } = await sql<{ address: string; held_epoch: number; is_bounded: boolean; lease_seconds: number; seen_at: Date; now: Date }>`
    select address, held_epoch, is_bounded, lease_seconds, seen_at, now() from boot_server where cidr = ${cidr}`.execute(trx);
  const members = rows.map((row) => ({
    address: row.address,
    heldEpoch: row.held_epoch,
    isBounded: row.is_bounded,
    leaseSeconds: row.lease_seconds,
    seenMs: row.seen_at.getTime(),
  }));
  return { members, nowMs: rows[0]?.now.getTime() ?? 0 };
}

/** Every boot server on every network, with the slots that it may give now. */
export async function listBootServers(db: Db) {
  const [networks, servers] = await Promise.all([
    db.selectFrom('boot_network').selectAll().orderBy('cidr').execute(),
    db.selectFrom('boot_server').selectAll().orderBy('address').execute(),
  ]);
  return networks.map(({ cidr, epoch, slots }) => {
    const shown = shownSlots({ epoch, slots: slots as Slot[] });
    return {
      cidr,
      epoch,
      servers: servers
        .filter((server) => server.cidr === cidr)
        .map((server) => ({
          address: server.address,
          slots: shown.filter((owner) => owner === server.address).length,
          slots_in_all: shown.length,
          seen_at: server.seen_at,
          started_at: server.started_at,
          ...(server.status as JsonObject),
        })),
    };
  });
}

/** All of them, with how long ago each reported. */
export async function seenBootServers(db: Db): Promise<SeenBootServer[]> {
  const { rows } = await sql<{ cidr: string; address: string; seen_at: Date; silent_seconds: number }>`
    select cidr, address, seen_at, extract(epoch from now() - seen_at)::float8 as silent_seconds from boot_server order by cidr, address`.execute(
    db,
  );
  return rows.map((row) => ({ cidr: row.cidr, address: row.address, seenAt: row.seen_at, silentSeconds: row.silent_seconds }));
}

/** Leases on these networks as rows have them: what a server learns that lost its journal, or takes slots over. */
export async function readLeases(db: Db, cidrs: readonly string[]): Promise<LeaseRecord[]> {
  const { rows } = await sql<{
    ip_address: string;
    mac: string;
    client_id: string | null;
    subnet_id: string;
    state: LeaseRecord['state'];
    hostname: string | null;
    architecture: number | null;
    expires_at: Date;
    sequence: number;
  }>`select * from lease where ip_address::inet <<= any(${cidrs}::inet[])`.execute(db);
  return rows.map((row) => ({
    ipAddress: row.ip_address,
    mac: row.mac,
    subnetId: row.subnet_id,
    state: row.state,
    expiresAtMs: row.expires_at.getTime(),
    sequence: row.sequence,
    ...(row.client_id === null ? {} : { clientId: row.client_id }),
    ...(row.hostname === null ? {} : { hostname: row.hostname }),
    ...(row.architecture === null ? {} : { architecture: row.architecture }),
  }));
}
