import { recordFindings } from '../../inventory/console-finding-service.ts';
import { judgeLine, judgeRest, takeLines, type ConsoleFinding } from '../../inventory/console-pattern-policy.ts';
import { makeLife, type World } from '../world/world.ts';
import type { Life } from '../world/virtual-time.ts';
import type { SimulatedDisk } from './disk.ts';

/** A machine of the simulation: power, boot settings and a disk, behind a BMC; what runs on it lives as long as its power. */
export interface Machine {
  readonly name: string;
  readonly mac: string;
  readonly bmcHost: string;
  readonly bmcUser: { name: string; password: string };
  readonly platform: 'pcbios' | 'efi';
  readonly bootOrder: 'disk-first' | 'network-first';
  readonly disk: SimulatedDisk;
  readonly life: Life;
  /** Whether its console is recorded. */
  readonly hasRecordedConsole: boolean;
  nodeUuid: string | undefined;
  power: 'on' | 'off';
  override: { readonly device: string; readonly persistent: boolean } | undefined;
  /** `off`, `firmware`, `agent`, `system`, or where it hangs. */
  runs: string;
  plug: Life;
  /** What its BMC has promised and not yet done. */
  commands: Promise<void>;
  switchOn(): void;
  switchOff(): void;
  print(text: string): void;
}

export interface MachineSettings {
  readonly name: string;
  readonly index: number;
  readonly platform: Machine['platform'];
  readonly bootOrder: Machine['bootOrder'];
  readonly disk: SimulatedDisk;
  readonly hasRecordedConsole: boolean;
  readonly password: string;
}

const hex = (value: number) => value.toString(16).padStart(2, '0');
/** As the product's console recorder gathers what belongs together. */
const GATHER_MS = 100;

/** @param boot what runs once the power is on; ends with the plug. */
export function createMachine(world: World, settings: MachineSettings, boot: (machine: Machine, plug: Life) => Promise<void>): Machine {
  const { name, index } = settings;
  const life = makeLife();
  const console = createConsole(world, () => machine);
  const machine: Machine = {
    ...settings,
    mac: `02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
    bmcHost: `10.77.1.${index + 10}`,
    bmcUser: { name: 'admin', password: settings.password },
    life,
    nodeUuid: undefined,
    power: 'off',
    override: undefined,
    runs: 'off',
    plug: { alive: false },
    commands: Promise.resolve(),
    switchOn() {
      if (machine.power === 'on') return;
      machine.power = 'on';
      const plug = (machine.plug = makeLife());
      machine.runs = 'firmware';
      world.note(name, 'power on');
      boot(machine, plug).catch((error: unknown) => world.broken(`the simulated machine fell over: ${(error as Error).stack}`));
    },
    switchOff() {
      if (machine.power === 'off') return;
      machine.power = 'off';
      machine.plug.alive = false;
      machine.runs = 'off';
      world.note(name, 'power off');
    },
    print: (text) => {
      if (settings.hasRecordedConsole) console(text);
    },
  };
  return machine;
}

/** The serial line as the recorder reads it: findings go to the timeline while a control plane is there to take them. */
function createConsole(world: World, machineOf: () => Machine): (text: string) => void {
  let rest = '';
  let found: (ConsoleFinding & { readonly atMs: number })[] = [];
  let isDue = false;
  const store = async (findings: typeof found) => {
    const { nodeUuid } = machineOf();
    const api = world.api();
    if (nodeUuid === undefined || api === undefined) return;
    const atMs = Math.min(...findings.map((finding) => finding.atMs));
    await api.db
      .transaction()
      .execute((trx) => recordFindings(trx, nodeUuid, findings, atMs))
      .catch(() => {});
  };
  return (text) => {
    const taken = takeLines(rest, text);
    const judged = [...taken.lines.map(judgeLine), judgeRest(taken.rest)].filter((finding) => finding !== undefined);
    rest = judgeRest(taken.rest) === undefined ? taken.rest : '';
    found.push(...judged.map((finding) => ({ ...finding, atMs: world.time.nowMs() })));
    if (found.length === 0 || isDue) return;
    isDue = true;
    void world.time
      .clockOf(machineOf().life)
      .sleep(GATHER_MS)
      .then(() => {
        const findings = found;
        [found, isDue] = [[], false];
        return store(findings);
      });
  };
}
