import { conflict, notFound } from './network-error.ts';
import { DHCP_AGENT, L3_AGENT, zoneOf } from './noun/agent-noun.ts';
import type { Db } from './mechanism/row-read.ts';
import { query } from './mechanism/statement.ts';
import type { Trx } from './resource.ts';

/** Our own programs; those of OVN have their own. */
export const OWN_BINARY = 'rackwright';

/** Programs that carry networks out: they announce themselves, and networks and routers can be given to one. */
export interface Announcement {
  readonly agentType: string;
  readonly binary: string;
  readonly host: string;
  readonly topic: string;
  readonly configurations: Readonly<Record<string, unknown>>;
  /** Known not to be there; why is in its configurations as `reason`. */
  readonly isDead?: boolean;
}

/** The first word of a program that started, and each later one that says it is still there. */
export async function announceAgent(db: Db, agent: Announcement, isStart: boolean): Promise<void> {
  await query(
    db,
    `insert into network_agent (project_id, agent_type, "binary", host, topic, configurations, availability_zone, heartbeat_timestamp)
     values ('', $1, $2, $3, $4, $5, $7, case when $8 then 'epoch' else now() end)
     on conflict (agent_type, host, "binary") do update set heartbeat_timestamp = excluded.heartbeat_timestamp, configurations = excluded.configurations,
       started_at = case when $6 then now() else network_agent.started_at end`,
    [
      agent.agentType,
      agent.binary,
      agent.host,
      agent.topic,
      JSON.stringify(agent.configurations),
      isStart,
      zoneOf(agent.agentType),
      agent.isDead ?? false,
    ],
  );
}

/** Nobody announces it any more. */
export async function forgetAgent(db: Db, agent: Pick<Announcement, 'agentType' | 'binary' | 'host'>): Promise<void> {
  await query(db, 'delete from network_agent where agent_type = $1 and "binary" = $2 and host = $3', [
    agent.agentType,
    agent.binary,
    agent.host,
  ]);
}

/** Kinds of work that can be given to agents and taken from them, and how clients know the refusals. */
export type Scheduled = 'network' | 'router';
const WORK = {
  network: { type: DHCP_AGENT, error: 'InvalidDHCPAgent', twice: 'NetworkHostedByDHCPAgent', missing: 'NetworkNotHostedByDhcpAgent' },
  router: { type: L3_AGENT, error: 'InvalidL3Agent', twice: 'RouterHostedByL3Agent', missing: 'RouterNotHostedByL3Agent' },
} as const;

/** @throws NetworkError 409 for an agent that does other work, is switched off, has it already, or has no room for it */
export async function giveToAgent(trx: Trx, kind: Scheduled, agentId: string, objectId: string): Promise<void> {
  const { type, error, twice } = WORK[kind];
  const usable = await query(trx, 'select from network_agent where id = $1 and agent_type = $2 and admin_state_up', [agentId, type]);
  if (usable.length === 0) throw conflict(error, `Agent ${agentId} is not a valid ${type} or has been disabled.`);
  const given = kind === 'network' ? await endWithdrawal(trx, agentId, objectId) : await chooseHost(trx, agentId, objectId);
  if (!given) throw conflict(twice, `The ${kind} ${objectId} has been already hosted by the agent ${agentId}.`);
}

/** @throws NetworkError 409 */
export async function takeFromAgent(trx: Trx, kind: Scheduled, agentId: string, objectId: string): Promise<void> {
  const taken = kind === 'network' ? await withdraw(trx, agentId, objectId) : await leaveHost(trx, agentId, objectId);
  if (!taken) throw conflict(WORK[kind].missing, `The ${kind} ${objectId} is not hosted by the agent ${agentId}.`);
}

async function endWithdrawal(trx: Trx, agentId: string, networkId: string): Promise<boolean> {
  const gone = await query(trx, 'delete from network_agent_withdrawal where agent_id = $1 and network_id = $2 returning agent_id', [
    agentId,
    networkId,
  ]);
  return gone.length > 0;
}

async function withdraw(trx: Trx, agentId: string, networkId: string): Promise<boolean> {
  const made = await query(
    trx,
    `insert into network_agent_withdrawal (agent_id, network_id) select id, $2 from network_agent where id = $1 and agent_type = $3
     on conflict do nothing returning agent_id`,
    [agentId, networkId, DHCP_AGENT],
  );
  return made.length > 0;
}

/** A host that is chosen by hand is one more of those that the router has; one without high availability has one at most. */
async function chooseHost(trx: Trx, agentId: string, routerId: string): Promise<boolean> {
  const { hosts, isSingle } = await hostsOf(trx, routerId);
  if (hosts.includes(agentId)) return false;
  if (isSingle && hosts.length > 0)
    throw conflict(WORK.router.twice, `The router ${routerId} has been already hosted by the L3 Agent ${hosts[0]}.`);
  await choose(trx, routerId, [...hosts, agentId], []);
  if ((await hostsOf(trx, routerId)).hosts.includes(agentId)) return true;
  throw conflict('RouterSchedulingFailed', `Failed scheduling router ${routerId} to the L3 Agent ${agentId}.`);
}

async function leaveHost(trx: Trx, agentId: string, routerId: string): Promise<boolean> {
  const { hosts } = await hostsOf(trx, routerId);
  if (!hosts.includes(agentId)) return false;
  const others = hosts.filter((id) => id !== agentId);
  // Nobody takes the place of the last one by himself, but for a host that comes later.
  const all = await query<{ id: string }>(trx, 'select id from network_agent where agent_type = $1', [L3_AGENT]);
  await choose(trx, routerId, others, others.length > 0 ? [agentId] : all.map(({ id }) => id));
  return true;
}

async function hostsOf(trx: Trx, routerId: string): Promise<{ hosts: string[]; isSingle: boolean }> {
  const rows = await query<{ hosts: string[]; isSingle: boolean }>(
    trx,
    `select array(select agent_id from network_router_agent where router_id = r.id order by place) as hosts, coalesce(not r.ha, false) as "isSingle"
     from network_router r where r.id = $1 for no key update`,
    [routerId],
  );
  return rows[0]!;
}

/** While a host that was given is there, none is drawn. */
async function choose(trx: Trx, routerId: string, given: readonly string[], left: readonly string[]): Promise<void> {
  await query(
    trx,
    `insert into network_agent_router (agent_id, router_id, is_given)
     select a, $1, a = any($2::uuid[]) from unnest($2::uuid[] || $3::uuid[]) a
     on conflict (agent_id, router_id) do update set is_given = excluded.is_given`,
    [routerId, given, left],
  );
}

/** Conditions for lists of one by the other; ids are checked by the caller. */
export const hostedBy = (kind: Scheduled, agentId: string): string => hostingCondition(kind, `'${asUuid(agentId)}'::uuid`, 't.id');
export const hosting = (kind: Scheduled, objectId: string): string => hostingCondition(kind, 't.id', `'${asUuid(objectId)}'::uuid`);

const hostingCondition = (kind: Scheduled, agent: string, object: string): string =>
  kind === 'router'
    ? `exists (select from network_router_agent h where h.agent_id = ${agent} and h.router_id = ${object})`
    : `exists (select from network_agent a where a.id = ${agent} and a.agent_type = '${DHCP_AGENT}')
       and not exists (select from network_agent_withdrawal w where w.agent_id = ${agent} and w.network_id = ${object})`;

function asUuid(text: string): string {
  if (!/^[0-9a-f-]{32,36}$/i.test(text)) throw notFound('AgentNotFound', `${text} could not be found.`);
  return text;
}
