import type { Db } from './mechanism/row-read.ts';
import { query } from './mechanism/statement.ts';

/**
 * Ports that hosts have plugged in are ACTIVE, the others DOWN; a router's are always, and a switch port of bare metal is none of
 * a host's. One statement, whatever their number. Returns how many changed.
 */
export async function writePortStatus(db: Db, up: ReadonlySet<string>): Promise<number> {
  const rows = await query(
    db,
    `update network_port p set status = case when p.id = any($1::uuid[]) then 'ACTIVE' else 'DOWN' end
     where p.device_owner not like 'network:%' and p.vif_type <> 'other'
       and p.status <> case when p.id = any($1::uuid[]) then 'ACTIVE' else 'DOWN' end returning id`,
    [[...up].filter(isUuid)],
  );
  return rows.length;
}

/** Ports of OVN that are none of ours have other names. */
const isUuid = (name: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
