import type { MachineControl, MachineMediaKind } from '../machine-control.ts';

/** Virtual media: what is in which slot. The machine behind sees it as a drive. */
export interface MediaSlot {
  readonly id: string;
  readonly types: readonly string[];
  readonly kind: MachineMediaKind;
  image: string | undefined;
  /** The last image, which some BMCs go on showing. */
  lastImage: string | undefined;
}

export interface MediaState {
  readonly slots: readonly MediaSlot[];
  find(id: string): MediaSlot | undefined;
  /** @throws when the image cannot be had */
  insert(slot: MediaSlot, url: string): Promise<void>;
  eject(slot: MediaSlot): Promise<void>;
}

export function createMediaState(machine: MachineControl): MediaState {
  const slots: MediaSlot[] = [
    { id: 'Cd', types: ['CD', 'DVD'], kind: 'cdrom', image: undefined, lastImage: undefined },
    { id: 'Usb', types: ['USBStick'], kind: 'disk', image: undefined, lastImage: undefined },
  ];
  return {
    slots,
    find: (id) => slots.find((slot) => slot.id === id),
    async insert(slot, url) {
      await machine.insertMedia?.(slot.kind, url);
      slot.image = slot.lastImage = url;
    },
    async eject(slot) {
      await machine.ejectMedia?.(slot.kind);
      slot.image = undefined;
    },
  };
}
