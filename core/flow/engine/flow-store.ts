import { sql, type Kysely, type Transaction } from 'kysely';
import { storableJson, type Json, type JsonObject } from '../../base/json.ts';
import type { DatabaseSchema, FlowStepOutcomeName } from '../../database/schema-types.ts';
import { fromNow, leasedColumns, type LeasedFlow } from './flow-row.ts';
import { lockWaitKey } from './wait-key-lock.ts';

/*
 * The engine's SQL. Every write to a leased flow carries `lease_owner` and `lease_epoch`: an engine that lost its lease
 * without noticing changes nothing (StaleLease), and with it its whole transaction.
 */
type Db = Kysely<DatabaseSchema>;
type Trx = Transaction<DatabaseSchema>;

export class StaleLease extends Error {
  override readonly name = 'StaleLease';
}

export interface KnownKinds {
  readonly kinds: readonly string[];
  readonly versions: readonly number[];
}

const known = ({ kinds, versions }: KnownKinds) => sql`unnest(${kinds}::text[], ${versions}::int[]) as known (kind, version)`;

export interface Claim {
  readonly flows: readonly LeasedFlow[];
  /** Milliseconds until the next flow of our kinds is due (0 when overdue); undefined when none is active. */
  readonly nextDueInMs: number | undefined;
}

export async function claimFlows(db: Db, claim: { owner: string; leaseMs: number; limit: number; known: KnownKinds }): Promise<Claim> {
  const { rows } = await sql<LeasedFlow & { next_ms: number | null; id: string | null }>`
    with due as materialized (
      select flow.id, flow.lease_owner as previous_owner, now() - flow.due_at as late
      from flow join ${known(claim.known)} on flow.kind = known.kind and flow.version <= known.version
      where flow.status in ('running', 'unwinding') and flow.due_at <= now()
      order by flow.due_at limit ${claim.limit} for update of flow skip locked
    ), claimed as (
      update flow set lease_owner = ${claim.owner}, lease_epoch = flow.lease_epoch + 1, due_at = ${fromNow(claim.leaseMs)},
        -- Time in which nobody served the flow is not the step's fault.
        step_deadline = flow.step_deadline + due.late,
        takeovers = flow.takeovers + case when due.previous_owner is null then 0 else 1 end
      from due where flow.id = due.id
      returning flow.*, due.previous_owner, due.late
    ), taken_over as (
      insert into flow_step (flow_id, step, direction, attempt, attempt_epoch, owner, lease_epoch, started_at, outcome, evidence)
      select id, step, case status when 'unwinding' then 'undo' else 'do' end, attempt, attempt_epoch, lease_owner, lease_epoch, now(), 'takeover',
        jsonb_build_object('from', previous_owner) from claimed where previous_owner is not null
    ), upcoming as (
      select (
        select extract(epoch from flow.due_at - now())::float8 * 1000
        from flow join ${known(claim.known)} on flow.kind = known.kind and flow.version <= known.version
        where flow.status in ('running', 'unwinding') and flow.id not in (select id from due)
        order by flow.due_at limit 1
      ) as next_ms
    )
    select upcoming.next_ms, claimed.*, ${leasedColumns}, extract(epoch from late)::float8 * 1000 as late_ms
    from upcoming left join claimed on true`.execute(db);
  const nextMs = rows[0]?.next_ms ?? undefined;
  return { flows: rows.filter(({ id }) => id !== null), nextDueInMs: nextMs === undefined ? undefined : Math.max(0, nextMs) };
}

/** Prolongs the leases that are still ours; whatever is missing from the answer is lost. */
export async function renewLeases(
  db: Db,
  renewal: { owner: string; leaseMs: number; ids: readonly string[] },
): Promise<Map<string, { lease_epoch: number; cancelled: boolean }>> {
  const rows = await db
    .updateTable('flow')
    .set({ due_at: fromNow(renewal.leaseMs) })
    .where('lease_owner', '=', renewal.owner)
    .where('id', 'in', renewal.ids)
    .returning(['id', 'lease_epoch', sql<boolean>`cancel_reason is not null and status = 'running'`.as('cancelled')])
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** Hands flows back untouched, due at once: the next engine re-runs the same attempt. */
export async function releaseLeases(
  db: Db,
  owner: string,
  leases: readonly { id: string; lease_epoch: number }[],
  evidence: JsonObject = {},
): Promise<void> {
  if (leases.length === 0) return;
  await sql`
    with released as (
      update flow set lease_owner = null, due_at = now()
      from unnest(${leases.map(({ id }) => id)}::uuid[], ${leases.map(({ lease_epoch }) => lease_epoch)}::int[]) as mine (id, lease_epoch)
      where flow.id = mine.id and flow.lease_owner = ${owner} and flow.lease_epoch = mine.lease_epoch
      returning flow.*
    ), journal as (
      insert into flow_step (flow_id, step, direction, attempt, attempt_epoch, owner, lease_epoch, started_at, outcome, evidence)
      select id, step, case status when 'unwinding' then 'undo' else 'do' end, attempt, attempt_epoch, ${owner}, lease_epoch, now(), 'released',
        ${storableJson(evidence)}::jsonb from released
    )
    select pg_notify('flow_ready', '') from released limit 1`.execute(db);
}

export interface PendingEvent {
  readonly id: number;
  readonly payload: { value: Json };
}

export const oldestEvent = (db: Db, waitKey: string): Promise<PendingEvent | undefined> =>
  db
    .selectFrom('flow_event')
    .select(['id', 'payload'])
    .where('wait_key', '=', waitKey)
    .where('consumed_at', 'is', null)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();

/** What a transition writes. Column names as in the table; the lease and the times are the store's business. */
export interface FlowChange {
  readonly set: Readonly<Record<string, unknown>>;
  /** Present when the flow parks. */
  readonly parkOn?: { readonly key: string; readonly forMs: number | 'as-before' };
  readonly consume?: PendingEvent | undefined;
  readonly journal?:
    | { readonly outcome: FlowStepOutcomeName; readonly elapsedMs: number; readonly evidence?: JsonObject | undefined }
    | undefined;
  /** Domain writes, after the fence holds the row. */
  readonly commit?: ((trx: Trx) => Promise<void>) | undefined;
}

/** The fenced write of one transition. @returns the row as it is now. @throws StaleLease when the flow is no longer ours. */
export async function commitChange(db: Db, flow: LeasedFlow, change: FlowChange): Promise<LeasedFlow> {
  // Row and journal are one statement, which is a transaction by itself; anything more needs a real one.
  const isOneStatement = change.parkOn === undefined && change.consume === undefined && change.commit === undefined;
  return isOneStatement ? write(db, flow, change) : db.transaction().execute((trx) => write(trx, flow, change));
}

async function write(trx: Trx | Db, flow: LeasedFlow, change: FlowChange): Promise<LeasedFlow> {
  if (change.parkOn) await lockWaitKey(trx as Trx, change.parkOn.key);
  // Before parking looks for events: the next wait may be for the same key.
  if (change.consume) {
    await trx
      .updateTable('flow_event')
      .set({ consumed_by: flow.id, consumed_at: sql`now()` })
      .where('id', '=', change.consume.id)
      .execute();
  }
  const { rows } = await sql<LeasedFlow>`
    with changed as (
      update flow set ${sql.join([...Object.entries(change.set), ...parkColumns(change.parkOn)].map(([column, value]) => sql`${sql.ref(column)} = ${value}`))}, updated_at = now()
      where id = ${flow.id} and lease_owner = ${flow.lease_owner} and lease_epoch = ${flow.lease_epoch}
      returning flow.*
    )${change.journal ? journalOf(flow, change.journal) : sql``}
    select changed.*, ${leasedColumns}, 0::float8 as late_ms from changed`.execute(trx);
  const [row] = rows;
  if (!row) throw new StaleLease(`flow ${flow.id} is no longer ours`);
  await change.commit?.(trx as Trx);
  if (row.lease_owner === null && row.ended_at === null && row.due_now) await sql`select pg_notify('flow_ready', '')`.execute(trx);
  return row;
}

/** Written only where the fence let the change through. */
const journalOf = (flow: LeasedFlow, journal: NonNullable<FlowChange['journal']>) => sql`, journal as (
      insert into flow_step (flow_id, step, direction, attempt, attempt_epoch, owner, lease_epoch, started_at, outcome, evidence)
      select id, ${flow.step}::text, ${flow.status === 'unwinding' ? 'undo' : 'do'}, ${flow.attempt}::int, ${flow.attempt_epoch}::int, ${flow.lease_owner}::text,
        ${flow.lease_epoch}::int, ${fromNow(-journal.elapsedMs)}, ${journal.outcome},
        ${journal.evidence === undefined ? null : storableJson(journal.evidence)}::jsonb
      from changed
    )`;

const parkColumns = (parkOn: FlowChange['parkOn']): [string, unknown][] =>
  parkOn === undefined
    ? []
    : [
        ['wait_key', parkOn.key],
        ['wait_deadline', parkOn.forMs === 'as-before' ? sql`wait_deadline` : fromNow(parkOn.forMs)],
        [
          'due_at',
          sql`case when cancel_reason is not null or exists (select 1 from flow_event where wait_key = ${parkOn.key} and consumed_at is null)
            then now() else ${parkOn.forMs === 'as-before' ? sql`wait_deadline` : fromNow(parkOn.forMs)} end`,
        ],
      ];

/** Events that nobody asked for, or that were used, leave after a week: long enough to explain a failure by. */
export async function pruneEvents(db: Db): Promise<void> {
  await sql`delete from flow_event where created_at < now() - interval '7 days'`.execute(db);
}
