import { DHCP_AGENT, L3_AGENT, zoneOf } from './noun/agent-noun.ts';
import type { Db } from './mechanism/row-read.ts';
import { query } from './mechanism/statement.ts';
import type { Trx } from './resource.ts';

/** Hosts of the network back end, listed as agents: a port is bound to one, or its binding fails. */
export interface NetworkHost {
  readonly name: string;
  readonly hostname: string;
  readonly isGateway: boolean;
  /** Routers may have their way out here. */
  readonly isRouting: boolean;
  readonly datapathType: string;
  readonly bridgeMappings: string;
  /** It has said so since the last look. */
  readonly isAlive: boolean;
}

const HOST_KINDS = ['OVN Controller agent', 'OVN Controller Gateway agent'] as const;
export const OVN_BINARY = 'ovn-controller';

/**
 * The whole list: hosts that are not in it are gone. Each is the DHCP agent of the machines on it, and an L3 agent where routers may have their way out.
 * @returns whether there are other agents now
 */
export async function writeHosts(db: Db, hosts: readonly NetworkHost[]): Promise<boolean> {
  const rows = hosts.flatMap((host) => {
    const row = (agentType: string, more: object) => ({
      agent_type: agentType,
      host: host.hostname,
      zone: zoneOf(agentType),
      is_alive: host.isAlive,
      configurations: { chassis_name: host.name, ...more },
    });
    return [
      row(HOST_KINDS[host.isGateway ? 1 : 0], { 'bridge-mappings': host.bridgeMappings, datapath_type: host.datapathType }),
      row(DHCP_AGENT, {}),
      ...(host.isRouting ? [row(L3_AGENT, { agent_mode: 'dvr_snat' })] : []),
    ];
  });
  const changed = await query<{ is_new: boolean }>(
    db,
    `with given as (select * from jsonb_to_recordset($1::jsonb) as g (agent_type text, host text, zone text, is_alive boolean, configurations jsonb)),
     gone as (delete from network_agent a where a."binary" = $2
       and not exists (select from given g where g.agent_type = a.agent_type and g.host = a.host) returning true as is_new),
     written as (insert into network_agent (project_id, agent_type, "binary", host, topic, configurations, availability_zone)
       select '', agent_type, $2, host, 'n/a', configurations, zone from given
       on conflict (agent_type, host, "binary") do update set configurations = excluded.configurations,
         heartbeat_timestamp = case when (select g.is_alive from given g where g.host = excluded.host limit 1)
           then now() else network_agent.heartbeat_timestamp end
       returning xmax = 0 as is_new)
     select is_new from written where is_new union all select is_new from gone`,
    [JSON.stringify(rows), OVN_BINARY],
  );
  return changed.length > 0;
}

/** Physical networks that a host has a way to; undefined where nobody says which hosts there are. */
export async function mappingsOf(trx: Trx, host: string): Promise<readonly string[] | undefined> {
  const rows = await query<{ mappings: string | null; is_it: boolean }>(
    trx,
    `select configurations->>'bridge-mappings' as mappings, (host = $2 or configurations->>'chassis_name' = $2) as is_it
     from network_agent where agent_type = any($1::text[]) order by is_it desc limit 1`,
    [HOST_KINDS, host],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const mappings = first.is_it ? (first.mappings ?? '') : '';
  return mappings.split(',').map((each) => each.split(':')[0]!.trim());
}

/** Null where there is no virtual switch; undefined without a back end that has hosts of its own. */
export type Datapath = string | null | undefined;

export async function datapathOf(trx: Trx, host: unknown): Promise<Datapath> {
  if (typeof host !== 'string' || host === '') return undefined;
  const rows = await query<{ datapath: string; is_it: boolean }>(
    trx,
    `select configurations->>'datapath_type' as datapath, (host = $2 or configurations->>'chassis_name' = $2) as is_it
     from network_agent where agent_type = any($1::text[]) order by is_it desc limit 1`,
    [HOST_KINDS, host],
  );
  const [first] = rows;
  return first === undefined ? undefined : first.is_it ? first.datapath : null;
}
