import { systemClock, type Clock } from '../../core/base/clock.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import { systemRandom, type Random } from '../../core/base/random.ts';
import { createBmcFaultDice, type BmcFaultName, type BmcFaults } from './bmc-faults.ts';
import { createBmcModel, type BmcModel, type EmulatedIdentity } from './bmc-model.ts';
import { startLanServer, type LanServer } from './ipmi/lan-server.ts';
import { createTrapSender } from './ipmi/trap-sender.ts';
import { startKcsVmServer } from './kcs-vm-server.ts';
import type { MachineControl } from './machine-control.ts';
import type { TlsIdentity } from '../../core/base/tls-identity.ts';
import { deliverEvents } from './redfish/event-delivery.ts';
import { withProfile } from './redfish/profile-handler.ts';
import { createRedfishHandler } from './redfish/redfish-handler.ts';
import { startRedfishServer, type RedfishServer } from './redfish/redfish-server.ts';
import type { VendorProfile } from './vendor-profile.ts';

/** An emulated BMC: one model, served over the protocols asked for, in front of the machine it is given. */
export interface EmulatedBmcSettings {
  readonly name: string;
  readonly address: string;
  /** 0 takes a free port. */
  readonly ipmiPort?: number;
  readonly redfishPort?: number;
  /** Where its traps go at their destination. */
  readonly trapPort?: number;
  readonly protocols: readonly ('ipmi' | 'redfish')[];
  readonly username: string;
  readonly password: string;
  readonly identity: EmulatedIdentity;
  readonly machine: MachineControl;
  /** Default: a self-signed certificate that all BMCs of the process share. */
  readonly tls?: TlsIdentity;
  /** Whose habits it shows over Redfish. Default: none's. */
  readonly profile?: VendorProfile;
  readonly random?: Random;
  readonly clock?: Clock;
  /** Default: it behaves. Drawn from `faultRandom`, or else from `random`. */
  readonly faults?: BmcFaults;
  readonly faultRandom?: Random;
  readonly recordEvent?: RecordEvent;
}

export interface EmulatedBmc {
  readonly name: string;
  readonly address: string;
  readonly ipmiPort: number | undefined;
  readonly redfishPort: number | undefined;
  readonly state: BmcModel;
  readonly lan: LanServer | undefined;
  /** How often each of its faults has happened. */
  readonly injected: Readonly<Record<BmcFaultName, number>>;
  stop(): Promise<void>;
}

const IPMI_PORT = 623;
const REDFISH_PORT = 443;
const TRAP_PORT = 162;

export async function startEmulatedBmc(settings: EmulatedBmcSettings): Promise<EmulatedBmc> {
  const random = settings.random ?? systemRandom;
  const faults = createBmcFaultDice(settings.faults ?? {}, settings.faultRandom ?? random);
  const state = createBmcModel({ ...settings, clock: settings.clock ?? systemClock, faults });
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    state.stop();
    await Promise.all(stops.splice(0).map((each) => each()));
  };
  try {
    let lan: LanServer | undefined;
    if (settings.protocols.includes('ipmi')) {
      lan = await startLanServer(state, { address: settings.address, port: settings.ipmiPort ?? IPMI_PORT, random });
      stops.push(lan.close);
      stops.push(createTrapSender(state, { address: settings.address, trapPort: settings.trapPort ?? TRAP_PORT }).close);
    }
    let redfish: RedfishServer | undefined;
    if (settings.protocols.includes('redfish')) {
      const plain = createRedfishHandler(state, { random, ipmiPort: lan?.port });
      redfish = await startRedfishServer(settings.profile ? withProfile(plain, state, settings.profile) : plain, {
        faults,
        address: settings.address,
        port: settings.redfishPort ?? REDFISH_PORT,
        tls: state.tls.now,
      });
      stops.push(redfish.close, deliverEvents(state, settings.profile).stop);
    }
    if (settings.machine.kcsSocketPath) {
      const kcs = await startKcsVmServer(state, { path: settings.machine.kcsSocketPath });
      stops.push(kcs.close);
    }
    return {
      name: settings.name,
      address: settings.address,
      ipmiPort: lan?.port,
      redfishPort: redfish?.port,
      state,
      lan,
      injected: faults.counts,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
