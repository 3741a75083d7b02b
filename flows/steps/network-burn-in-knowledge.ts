import { sql } from 'kysely';
import type { JsonObject } from '../../core/base/json.ts';
import { findNode } from '../../inventory/node-store.ts';
import type { NodeFlowServices } from '../node-flow-services.ts';
import type { AgentStepKnowledge } from './agent-step-table.ts';

/*
 * Who sends to whom: `driver_info/agent_burnin_fio_network_config` as Ironic has it, `{"role": "reader", "partner": …}`. A partner that
 * is a node here is called at its present address.
 */
const DAY_AND_HOUR = 25 * 3600;

export async function pairingOf(services: Pick<NodeFlowServices, 'db'>, driverInfo: JsonObject): Promise<JsonObject> {
  const given = driverInfo['agent_burnin_fio_network_config'];
  if (given === undefined) return {};
  const { role, partner } = (typeof given === 'string' ? JSON.parse(given) : given) as { role?: string; partner?: string };
  return {
    ...(role === undefined ? {} : { role }),
    ...(partner === undefined ? {} : { partner: (await addressOf(services, partner)) ?? partner }),
  };
}

async function addressOf({ db }: Pick<NodeFlowServices, 'db'>, word: string): Promise<string | undefined> {
  const node = await findNode(db, word);
  if (node === undefined) return undefined;
  const { rows } = await sql<{ ip_address: string }>`
    select l.ip_address from lease l join port p on p.address = l.mac
    where p.node_uuid = ${node.uuid} and l.state = 'bound' order by p.pxe_enabled desc, l.expires_at desc limit 1`.execute(db);
  return rows[0]?.ip_address;
}

export const networkBurnInKnowledge: AgentStepKnowledge = {
  what: 'the agent and its partner to send to each other',
  timeoutSeconds: DAY_AND_HOUR,
  args: (_ctx, node, services) => pairingOf(services, node.driver_info as JsonObject),
};
