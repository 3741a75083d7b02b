import { existsSync, readFileSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';

/** The machine's firmware as far as booting goes: UEFI variables of the global namespace, without their attributes. */
export interface Firmware {
  readonly mode: 'bios' | 'uefi';
  variableNames(): readonly string[];
  read(name: string): Buffer | undefined;
  write(name: string, value: Buffer): void;
  remove(name: string): void;
}

const EFIVARS = '/sys/firmware/efi/efivars';
const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
/** Kept over power cycles; seen by the firmware and by the running system. */
const ATTRIBUTES = Buffer.from([0x07, 0, 0, 0]);
const SUFFIX = `-${GLOBAL}`;

export const kernelFirmware: Firmware = {
  mode: existsSync('/sys/firmware/efi') ? 'uefi' : 'bios',
  variableNames: () => {
    try {
      return readdirSync(EFIVARS)
        .filter((name) => name.endsWith(SUFFIX))
        .map((name) => name.slice(0, -SUFFIX.length))
        .sort();
    } catch {
      return [];
    }
  },
  read: (name) => {
    try {
      return readFileSync(`${EFIVARS}/${name}${SUFFIX}`).subarray(ATTRIBUTES.length);
    } catch {
      return undefined;
    }
  },
  // The kernel takes a variable in one write: attributes, then the value.
  write: (name, value) => writeFileSync(`${EFIVARS}/${name}${SUFFIX}`, Buffer.concat([ATTRIBUTES, value])),
  remove: (name) => unlinkSync(`${EFIVARS}/${name}${SUFFIX}`),
};
