import { sql } from 'kysely';
import type { Database } from '../../core/database/connect-database.ts';

/*
 * The moments at which a control plane can be killed: every change of a flow's row, told by a trigger that only this rig
 * installs, in the moment in which the change commits.
 */
export interface KillPoint {
  readonly flowKind: string;
  readonly step: string;
  /** `entered`: the step is about to run; `parked`: it waits; `woken`: what it waited for came; `ended`: the flow is over. */
  readonly moment: 'entered' | 'parked' | 'woken' | 'ended';
}

export const nameOf = (point: KillPoint): string => `${point.flowKind} ${point.step} ${point.moment}`;

const CHANNEL = 'kill_point';

export async function watchKillPoints(database: Database, onPoint: (point: KillPoint) => void): Promise<void> {
  await sql`
    create or replace function tell_kill_point() returns trigger language plpgsql as $$
    declare
      moment text;
      -- A list of steps is one step of its flow; the plan tells which of them it is at.
      step_name text := coalesce(new.state -> 'plan' -> (new.state ->> 'at')::int ->> 'step', 'end of the list');
    begin
      moment := case
        when new.status not in ('running', 'unwinding') then 'ended'
        when tg_op = 'INSERT' or new.step is distinct from old.step or new.state -> 'at' is distinct from old.state -> 'at' then 'entered'
        when new.wait_key is not null and old.wait_key is null then 'parked'
        when new.wait_key is not null and new.lease_owner is not null and old.lease_owner is null then 'woken'
      end;
      if moment is not null and (tg_op = 'INSERT' or new.status = old.status or moment = 'ended') then
        perform pg_notify('kill_point', json_build_object('flowKind', new.kind, 'step', case new.step when 'run_steps' then step_name else coalesce(new.step, old.step, 'start') end, 'moment', moment)::text);
      end if;
      return null;
    end $$`.execute(database.db);
  await sql`create or replace trigger tell_kill_point after insert or update on flow for each row execute function tell_kill_point()`.execute(
    database.db,
  );
  database.listen(CHANNEL, (payload) => onPoint(JSON.parse(payload) as KillPoint));
}
