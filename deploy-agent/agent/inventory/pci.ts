import type { Inventory } from '../../protocol.ts';
import { linkName, listFolder, present, readNumber, readText } from './sysfs.ts';

const DEVICES = '/sys/bus/pci/devices';
const hex = (text: string | undefined) => (text ?? '').replace(/^0x/, '');

export const describePci = (): Inventory['pci'] =>
  listFolder(DEVICES).map((address) => {
    const numaNode = readNumber(`${DEVICES}/${address}/numa_node`);
    return present<Inventory['pci'][number]>({
      address,
      vendor: hex(readText(`${DEVICES}/${address}/vendor`)),
      device: hex(readText(`${DEVICES}/${address}/device`)),
      class: hex(readText(`${DEVICES}/${address}/class`)),
      // Minus one: the firmware does not say.
      numaNode: numaNode !== undefined && numaNode >= 0 ? numaNode : undefined,
      driver: linkName(`${DEVICES}/${address}/driver`),
    });
  });
