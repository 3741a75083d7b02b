import { EventEmitter } from 'node:events';
import type { MachineBoot, MachineControl, MachineDisk, MachineMediaKind } from './machine-control.ts';

/** A machine in memory: power, the boots it was asked for, and a serial console that prints a banner and echoes. */
export interface SimulatedMachine extends MachineControl {
  /** Every power-on and reset with the boot setting that came with it, oldest first. */
  readonly boots: readonly MachineBoot[];
  readonly nmis: number;
  /** What is in its drives. */
  readonly media: ReadonlyMap<MachineMediaKind, string>;
}

export interface SimulatedMachineSettings {
  readonly name: string;
  readonly powered?: 'on' | 'off';
  /** A soft-off is obeyed unless this is false: an operating system that ignores its button. */
  readonly obeysSoftOff?: boolean;
  /** Default: two SSDs of 480 GB. */
  readonly disks?: readonly MachineDisk[];
}

/** A fleet of thousands must not remember every boot of a long run. */
const BOOTS_KEPT_MAX = 64;

const disk = (index: number): MachineDisk => ({
  name: `Drive ${index}`,
  serial: `DRIVE-${index}`,
  sizeBytes: 480e9,
  bus: 'SATA',
  media: 'SSD',
});
const DISKS = [disk(0), disk(1)];

export function createSimulatedMachine(settings: SimulatedMachineSettings): SimulatedMachine {
  const events = new EventEmitter();
  const boots: MachineBoot[] = [];
  let state: 'on' | 'off' = settings.powered ?? 'off';

  const subscribe = <Value>(event: string, listener: (value: Value) => void) => {
    events.on(event, listener);
    return () => void events.off(event, listener);
  };
  const print = (text: string) => void events.emit('data', Buffer.from(text));
  const change = (next: 'on' | 'off') => {
    if (state === next) return;
    state = next;
    events.emit('power', next);
  };
  const boot = (setting: MachineBoot) => {
    boots.push(setting);
    if (boots.length > BOOTS_KEPT_MAX) boots.shift();
    print(`\r\n${settings.name} firmware ${setting.firmwareMode ?? 'default'}: booting from ${setting.device}\r\n${settings.name} login: `);
  };

  const media = new Map<MachineMediaKind, string>();
  let nmis = 0;

  return {
    boots,
    media,
    get nmis() {
      return nmis;
    },
    disks: settings.disks ?? DISKS,
    async injectNmi() {
      nmis += 1;
    },
    async insertMedia(kind, url) {
      const reply = await fetch(url, { method: 'HEAD' });
      if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
      media.set(kind, url);
    },
    async ejectMedia(kind) {
      media.delete(kind);
    },
    powerState: () => state,
    async powerOn(setting) {
      if (state === 'on') return;
      change('on');
      boot(setting);
    },
    async powerOff() {
      change('off');
    },
    async softOff() {
      if (settings.obeysSoftOff !== false) change('off');
    },
    async reset(setting) {
      if (state === 'on') boot(setting);
    },
    onPowerChange: (listener) => subscribe('power', listener),
    console: {
      write(bytes) {
        if (state === 'on') print(bytes.toString('latin1'));
      },
      onData: (listener) => subscribe('data', listener),
    },
  };
}
