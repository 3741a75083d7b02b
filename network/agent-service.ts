import { conflict, notFound } from './network-error.ts';
import type { Db } from './mechanism/row-read.ts';
import { query } from './mechanism/statement.ts';
import type { Trx } from './resource.ts';

/** Programs that carry networks out: they announce themselves, and networks and routers can be given to one. */
export interface Announcement {
  readonly agentType: string;
  readonly binary: string;
  readonly host: string;
  readonly topic: string;
  readonly configurations: Readonly<Record<string, unknown>>;
}

/** The first word of a program that started, and each later one that says it is still there. */
export async function announceAgent(db: Db, agent: Announcement, isStart: boolean): Promise<void> {
  await query(
    db,
    `insert into network_agent (project_id, agent_type, "binary", host, topic, configurations) values ('', $1, $2, $3, $4, $5)
     on conflict (agent_type, host) do update set heartbeat_timestamp = now(), configurations = excluded.configurations,
       started_at = case when $6 then now() else network_agent.started_at end`,
    [agent.agentType, agent.binary, agent.host, agent.topic, JSON.stringify(agent.configurations), isStart],
  );
}

export type Scheduled = 'network' | 'router';
const WORK = {
  network: { type: 'DHCP agent', error: 'InvalidDHCPAgent', twice: 'NetworkHostedByDHCPAgent', missing: 'NetworkNotHostedByDhcpAgent' },
  router: { type: 'L3 agent', error: 'InvalidL3Agent', twice: 'RouterHostedByL3Agent', missing: 'RouterNotHostedByL3Agent' },
} as const;

/** @throws NetworkError 409 for an agent that does other work, is switched off, or has it already */
export async function giveToAgent(trx: Trx, kind: Scheduled, agentId: string, objectId: string): Promise<void> {
  const { type, error, twice } = WORK[kind];
  const usable = await query(trx, 'select from network_agent where id = $1 and agent_type = $2 and admin_state_up', [agentId, type]);
  if (usable.length === 0) throw conflict(error, `Agent ${agentId} is not a valid ${type} or has been disabled.`);
  const given = await query(
    trx,
    `insert into network_agent_${kind} (agent_id, ${kind}_id) values ($1, $2) on conflict do nothing returning agent_id`,
    [agentId, objectId],
  );
  if (given.length === 0) throw conflict(twice, `The ${kind} ${objectId} has been already hosted by the agent ${agentId}.`);
}

/** @throws NetworkError 409 */
export async function takeFromAgent(trx: Trx, kind: Scheduled, agentId: string, objectId: string): Promise<void> {
  const gone = await query(trx, `delete from network_agent_${kind} where agent_id = $1 and ${kind}_id = $2 returning agent_id`, [
    agentId,
    objectId,
  ]);
  if (gone.length === 0) throw conflict(WORK[kind].missing, `The ${kind} ${objectId} is not hosted by the agent ${agentId}.`);
}

/** Conditions for lists of one by the other; ids are checked by the caller. */
export const hostedBy = (kind: Scheduled, agentId: string): string =>
  `exists (select from network_agent_${kind} h where h.${kind}_id = t.id and h.agent_id = '${asUuid(agentId)}')`;
export const hosting = (kind: Scheduled, objectId: string): string =>
  `exists (select from network_agent_${kind} h where h.agent_id = t.id and h.${kind}_id = '${asUuid(objectId)}')`;

function asUuid(text: string): string {
  if (!/^[0-9a-f-]{32,36}$/i.test(text)) throw notFound('AgentNotFound', `${text} could not be found.`);
  return text;
}
