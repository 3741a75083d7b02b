import type { Machine } from '../machine/machine.ts';
import type { World } from '../world/world.ts';
import type { OperatorReport } from './operator.ts';
import type { Scenario } from './scenario.ts';

/** What must hold when a seed's story is over, whatever went wrong in it. */
export async function checkEnd(
  world: World,
  machines: readonly Machine[],
  scenario: Scenario,
  reports: readonly OperatorReport[],
): Promise<void> {
  for (const [index, report] of reports.entries()) {
    const machine = machines[index]!;
    const { image } = scenario.machines[index]!;
    if (report.state === 'active' && machine.disk.content !== image.checksum)
      world.broken(`active, and on its disk is ${machine.disk.content}`);
    if (report.state === 'available' && machine.disk.content !== 'blank') world.broken(`available, and on its disk is ${machine.disk.content}`);
    if (/failed$|^error$/.test(report.state) && report.lastError === null) world.broken(`${report.state} without a reason`);
    if (!report.reached && report.failures.length === 0 && report.state !== 'unknown') world.broken(`${report.state} without a failure`);
  }
  await checkSecrets(world, machines);
}

/** Passwords, tokens of boots and sessions: in no event, no journal, no error. */
async function checkSecrets(world: World, machines: readonly Machine[]): Promise<void> {
  const secrets = [...machines.map(({ bmcUser }) => bmcUser.password), 'secret-of-', 'rackwright.token='];
  const { rows } = await world.server.administer(
    `select 'event ' || kind as place from machine_event where message || evidence::text ~ $1
     union all select 'journal of ' || coalesce(step, '') from flow_step where evidence::text ~ $1
     union all select 'flow ' || kind from flow where coalesce(error::text, '') || coalesce(waiting_for::text, '') ~ $1 limit 5`,
    [secrets.map((secret) => secret.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')],
  );
  for (const { place } of rows as { place: string }[]) world.broken(`a secret is in ${place}`);
}
