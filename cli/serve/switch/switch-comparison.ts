import { nameOf, wishOf, type SwitchPortFact } from '../../../flows/switch-port-policy.ts';
import { connectSwitch } from '../../../network/switch/connect-switch.ts';
import { describeVlans, hasSameVlans } from '../../../network/switch/switch-driver.ts';
import type { Configuration } from '../configuration.ts';
import { readSwitches } from './switch-configuration.ts';

/** An audit asks the switches themselves, over connections of its own, whoever makes them as they shall be. */
const ANSWER_MS_MAX = 15_000;

export type SwitchComparison = (facts: readonly SwitchPortFact[]) => Promise<readonly string[]>;

/** Undefined without switches. */
export async function switchComparison(configuration: Configuration): Promise<SwitchComparison | undefined> {
  const switches = await readSwitches(configuration.switches);
  if (switches.length === 0) return undefined;
  return async (facts) => {
    const found = await Promise.all(
      switches.map(async (settings) => {
        const mine = facts.filter(({ switchId }) => switchId === settings.chassisMac);
        if (mine.length === 0) return [];
        const driver = connectSwitch(settings);
        try {
          const ports = await driver.readPorts(
            mine.map(({ portId }) => portId),
            AbortSignal.timeout(ANSWER_MS_MAX),
          );
          return mine.flatMap((fact) => {
            const wish = wishOf(fact);
            const has = ports.get(fact.portId);
            if ('vlans' in wish && has !== undefined && hasSameVlans(has, wish.vlans)) return [];
            const wanted = 'vlans' in wish ? describeVlans(wish.vlans) : wish.problem;
            return [`${nameOf(fact)}: ${has === undefined ? 'not there' : describeVlans(has)}, for ${fact.purpose}: ${wanted}`];
          });
        } finally {
          driver.close();
        }
      }),
    );
    return found.flat();
  };
}
