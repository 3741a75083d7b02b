import type { ProvisionVerb } from '../../inventory/provision-machine.ts';
import type { Random } from '../../core/base/random.ts';
import { pick, whole, type Trouble } from '../world/world.ts';
import { IMAGE } from '../machine/agent-steps.ts';

/** What one seed is about: a machine's way, and what goes wrong on it. Everything else follows from the seed's stream. */
export interface Scenario {
  readonly seed: number;
  readonly machines: readonly MachineScenario[];
  readonly troubles: readonly Trouble[];
  /** Those that begin when a leg of the first machine's journey is over. */
  readonly later: readonly { readonly name: string; readonly after: ProvisionVerb; readonly forMs: number }[];
  /** How often the operator tries each leg. */
  readonly triesMax: number;
  readonly leaseMs: number;
  readonly controlPlanes: 1 | 2;
}

export interface MachineScenario {
  /** `declared` by its papers, or a stranger that boots the agent by itself. */
  readonly enrolment: 'declared' | 'stranger';
  readonly driver: 'ipmi' | 'redfish';
  readonly platform: 'pcbios' | 'efi';
  readonly bootOrder: 'disk-first' | 'network-first';
  readonly hasRecordedConsole: boolean;
  readonly journey: readonly Leg[];
  readonly image: { readonly checksum: string; readonly diskBytes: number };
}

/** A verb, and the state that it leads to. */
export interface Leg {
  readonly verb: ProvisionVerb;
  readonly goal: string;
}

export const START_MS = Date.parse('2030-01-01T00:00:00Z');
const MINUTE = 60_000;
const TRIES_MAX = 4;
export const DISK_IMAGE_BYTES = 4_200_000_000;

const LEGS: readonly Leg[] = [
  { verb: 'manage', goal: 'manageable' },
  { verb: 'inspect', goal: 'manageable' },
  { verb: 'provide', goal: 'available' },
  { verb: 'deploy', goal: 'active' },
  { verb: 'delete', goal: 'available' },
];

export const WHOLE_JOURNEY = LEGS.slice(0, 4);

/** Most seeds have one thing wrong, some none, some three at once. */
const TROUBLES = [0, 1, 1, 1, 2, 3] as const;

/** @param names of the faults to draw from. */
export function drawScenario(seed: number, random: Random, names: readonly string[], machines: number): Scenario {
  const troubles = Array.from({ length: pick(random, TROUBLES) }, () => {
    const fromMs = START_MS + whole(random, 0, 6) * MINUTE;
    return { name: pick(random, names), fromMs, untilMs: random.unit() < 0.2 ? Infinity : fromMs + whole(random, 2, 60) * MINUTE };
  });
  return {
    seed,
    troubles,
    later: [],
    triesMax: TRIES_MAX,
    // Twenty seconds is the product's; a long lease leaves takeovers to the look for absent owners.
    leaseMs: random.unit() < 0.1 ? 20_000 : 600_000,
    controlPlanes: random.unit() < 0.3 ? 2 : 1,
    machines: Array.from({ length: machines }, () => ({
      enrolment: random.unit() < 0.25 ? 'stranger' : 'declared',
      driver: random.unit() < 0.5 ? 'ipmi' : 'redfish',
      platform: random.unit() < 0.5 ? 'pcbios' : 'efi',
      bootOrder: random.unit() < 0.3 ? 'disk-first' : 'network-first',
      hasRecordedConsole: random.unit() < 0.7,
      journey: LEGS.slice(0, whole(random, 2, LEGS.length)),
      image: { checksum: IMAGE.checksum, diskBytes: DISK_IMAGE_BYTES },
    })),
  };
}
