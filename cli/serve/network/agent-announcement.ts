import { hostname } from 'node:os';
import type { Logger } from '../../../core/base/logger.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { announceAgent, forgetAgent, OWN_BINARY, type Announcement } from '../../../network/agent-service.ts';
import type { Configuration } from '../configuration.ts';

/** The Network API lists the programs that stand behind it: this process says what it is, and goes on saying so. */
const HEARTBEAT_MS = 30_000;
const NO_ROUTERS = 'nothing carries routers out: the configuration names no network.ovn';

export async function announceAgents(configuration: Configuration, { db }: Database, logger: Logger): Promise<() => void> {
  const { here, gone } = agentsOf(configuration);
  const announce = async (isStart: boolean) => {
    for (const agent of here) await announceAgent(db, agent, isStart);
    for (const agent of gone) await forgetAgent(db, agent);
  };
  // A boot server is there before its database is.
  const orWarn = (error: unknown) => logger.warn({ err: error }, 'the heartbeat of the network agents was not written');
  await announce(true).catch(orWarn);
  const timer = setInterval(() => void announce(false).catch(orWarn), HEARTBEAT_MS);
  return () => clearInterval(timer);
}

/** Hosts of OVN are announced by whoever carries networks out. Where there is no OVN, the agent for routers is one that is not there, and says why. */
function agentsOf({ roles, boot, network }: Configuration): {
  readonly here: readonly Announcement[];
  readonly gone: readonly Announcement[];
} {
  const agent = (agentType: string, topic: string, configurations: Announcement['configurations']): Announcement => ({
    agentType,
    binary: OWN_BINARY,
    host: hostname(),
    topic,
    configurations,
  });
  const dhcp = agent('DHCP agent', 'dhcp_agent', { boot_networks: boot.networks.map(({ name }) => name) });
  const routing = { ...agent('L3 agent', 'l3_agent', { agent_mode: 'legacy', reason: NO_ROUTERS }), isDead: true };
  const hasRouting = roles.includes('worker') && network.ovn === undefined;
  return {
    here: [
      ...(roles.includes('api') ? [agent('Control plane', 'N/A', {})] : []),
      ...(roles.includes('boot') ? [dhcp] : []),
      ...(hasRouting ? [routing] : []),
    ],
    gone: roles.includes('worker') && !hasRouting ? [routing] : [],
  };
}
