import { sql, type Kysely } from 'kysely';

/*
 * What agents do is what hosts can do, less what was taken from them: each DHCP agent serves every network that was not withdrawn from it; a router's way
 * out is at the hosts that were chosen by hand, or else at those that its id draws.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...agents, ...routers, ...bootPlane]) await sql.raw(statement).execute(db);
}

const agents = [
  // One host may have OVN's agent of a kind and ours.
  `alter table network_agent drop constraint network_agent_agent_type_host_key, add unique (agent_type, host, "binary")`,
  'drop table network_agent_network',
  `create table network_agent_withdrawal (
     agent_id uuid not null references network_agent (id) on delete cascade,
     network_id uuid not null references network (id) on delete cascade,
     primary key (agent_id, network_id)
   )`,
  'create index network_agent_withdrawal_network_id on network_agent_withdrawal (network_id)',
];

const routers = [
  'delete from network_agent_router',
  'alter table network_agent_router add is_given boolean not null',
  'create index network_agent_router_router_id on network_agent_router (router_id)',
  // Null: nobody asked; the cloud has it at as many hosts as it has.
  'alter table network_router alter ha drop not null, alter ha drop default',
  'update network_router set ha = null where not ha',
  `create table network_ha_network (
     project_id text primary key,
     network_id uuid not null unique references network (id) on delete cascade
   )`,
  // Five are as many as Neutron gives a router: each tells the others that it lives.
  `create view network_router_agent as
   select router_id, agent_id, place from (
     select r.id as router_id, a.id as agent_id, r.ha,
       row_number() over (partition by r.id order by md5(r.id::text || a.host)) as place
     from network_router r cross join network_agent a
     left join network_agent_router g on g.agent_id = a.id and g.router_id = r.id
     where a.agent_type = 'L3 agent' and a.admin_state_up
       and coalesce(g.is_given, not exists (select from network_agent_router b where b.router_id = r.id and b.is_given))
   ) drawn where place <= case when not ha then 1 else 5 end`,
];

const bootPlane = [
  `create trigger network_agent_withdrawal_changed after insert or delete on network_agent_withdrawal
   for each row execute function boot_model_changed()`,
  'create trigger network_agent_gone after delete on network_agent for each row execute function boot_model_changed()',
  `create trigger network_agent_switched after update of admin_state_up on network_agent
   for each row when (old.admin_state_up is distinct from new.admin_state_up) execute function boot_model_changed()`,
];
