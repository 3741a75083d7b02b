import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { seededRandom, systemRandom, type Random } from '../../core/base/random.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { BmcFaults } from './bmc-faults.ts';
import { startEmulatedBmc, type EmulatedBmc } from './emulated-bmc.ts';
import type { VendorProfile } from './vendor-profile.ts';
import { createSimulatedMachine, type SimulatedMachine } from './simulated-machine.ts';

/** Many emulated BMCs in one process, each on its own address, with simulated machines behind them. */
export interface BmcFleetSettings {
  readonly count: number;
  /** IPv4; the next BMCs take the following addresses, octets carried over, `.0` and `.255` left out. */
  readonly firstAddress: string;
  readonly protocol: 'ipmi' | 'redfish' | 'both';
  readonly ipmiPort?: number;
  readonly redfishPort?: number;
  /** Where their traps go at their destinations. */
  readonly trapPort?: number;
  /** All BMCs on `firstAddress`, with ports that count up: for hosts whose addresses cannot be bound. */
  readonly consecutivePorts?: boolean;
  readonly username?: string;
  /** Default: a random one for the fleet. */
  readonly password?: string;
  readonly random?: Random;
  readonly recordEvent?: RecordEvent;
  /** How they all misbehave, each with draws of its own from `faultSeed`. */
  readonly faults?: BmcFaults;
  readonly faultSeed?: number;
  /** Whose habits they show over Redfish. */
  readonly profile?: VendorProfile;
}

export interface FleetMember {
  readonly address: string;
  readonly ipmiPort: number | undefined;
  readonly username: string;
  readonly password: string;
  /** URL of the Redfish service; null when the BMC speaks only IPMI. */
  readonly redfish: string | null;
  readonly bmc: EmulatedBmc;
  readonly machine: SimulatedMachine;
}

export interface BmcFleet {
  readonly members: readonly FleetMember[];
  /** For `{"bmcs": [...]}`. */
  list(): { address: string; username: string; password: string; redfish: string | null; ipmiPort: number | null }[];
  stop(): Promise<void>;
}

/** Starting all at once would hold thousands of half-open sockets; this many at a time is as fast. */
const STARTS_AT_ONCE = 64;
const HTTPS_PORT = 443;

/** The address `index` places after `first`, host parts 0 and 255 skipped. */
export function fleetAddress(first: string, index: number): string {
  const start = ipv4ToNumber(first);
  if (start === undefined) throw new RangeError(`${first} is not an IPv4 address`);
  const hostsBefore = (start & 255) === 0 ? 0 : (start & 255) - 1;
  const network = (start & 0xffffff00) >>> 0;
  const position = hostsBefore + index;
  const address = network + Math.floor(position / 254) * 256 + (position % 254) + 1;
  if (address > 0xffffffff) throw new RangeError(`no address ${index} places after ${first}`);
  return ipv4FromNumber(address);
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

async function startMember(
  settings: BmcFleetSettings,
  index: number,
  credentials: { username: string; password: string },
): Promise<FleetMember> {
  const address = settings.consecutivePorts ? settings.firstAddress : fleetAddress(settings.firstAddress, index);
  const shift = settings.consecutivePorts ? index : 0;
  const name = `bmc-${index + 1}`;
  const machine = createSimulatedMachine({ name });
  const bmc = await startEmulatedBmc({
    name,
    address,
    ...(settings.ipmiPort === undefined ? {} : { ipmiPort: settings.ipmiPort === 0 ? 0 : settings.ipmiPort + shift }),
    ...(settings.redfishPort === undefined ? {} : { redfishPort: settings.redfishPort === 0 ? 0 : settings.redfishPort + shift }),
    protocols: settings.protocol === 'both' ? ['ipmi', 'redfish'] : [settings.protocol],
    ...credentials,
    identity: {
      uuid: `5261636b-0000-4000-8000-${hex(index + 1, 12)}`,
      manufacturer: 'Rackwright',
      product: 'Simulated Server',
      serial: `SIM${String(index + 1).padStart(6, '0')}`,
      boardSerial: `SIMB${String(index + 1).padStart(6, '0')}`,
      threads: 16,
      memoryGib: 64,
      macs: [`02:5a:00:${hex((index >> 16) & 255, 2)}:${hex((index >> 8) & 255, 2)}:${hex(index & 255, 2)}`],
    },
    machine,
    ...(settings.trapPort === undefined ? {} : { trapPort: settings.trapPort }),
    ...(settings.random ? { random: settings.random } : {}),
    ...(settings.profile ? { profile: settings.profile } : {}),
    ...(settings.recordEvent ? { recordEvent: settings.recordEvent } : {}),
    ...(settings.faults ? { faults: settings.faults, faultRandom: seededRandom((settings.faultSeed ?? 1) + index) } : {}),
  });
  const redfish = bmc.redfishPort === undefined ? null : `https://${address}${bmc.redfishPort === HTTPS_PORT ? '' : `:${bmc.redfishPort}`}`;
  return { address, ipmiPort: bmc.ipmiPort, ...credentials, redfish, bmc, machine };
}

export async function startBmcFleet(settings: BmcFleetSettings): Promise<BmcFleet> {
  const random = settings.random ?? systemRandom;
  const credentials = {
    username: settings.username ?? 'admin',
    password: settings.password ?? random.bytes(8).toString('hex'),
  };
  const members: FleetMember[] = [];
  const stop = async () => void (await Promise.all(members.map(({ bmc }) => bmc.stop())));
  for (let first = 0; first < settings.count; first += STARTS_AT_ONCE) {
    const size = Math.min(STARTS_AT_ONCE, settings.count - first);
    const started = await Promise.allSettled(Array.from({ length: size }, (_each, at) => startMember(settings, first + at, credentials)));
    for (const each of started) if (each.status === 'fulfilled') members.push(each.value);
    const failed = started.find((each) => each.status === 'rejected');
    if (failed) {
      await stop();
      throw failed.reason;
    }
  }
  return {
    members,
    list: () =>
      members.map(({ address, username, password, redfish, ipmiPort }) => ({
        address,
        username,
        password,
        redfish,
        ipmiPort: ipmiPort ?? null,
      })),
    stop,
  };
}
