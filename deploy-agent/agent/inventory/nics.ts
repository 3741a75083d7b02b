import { networkInterfaces } from 'node:os';
import type { Clock } from '../../../core/base/clock.ts';
import type { InventoryNic } from '../../protocol.ts';
import { listenForNeighbours } from './lldp-listener.ts';
import { linkName, listFolder, present, readNumber, readText, realPath } from './sysfs.ts';

const CLASS = '/sys/class/net';
/** Switches speak every 30 s by the standard's default, our own lab's every second: what comes in this time is taken. */
const LLDP_LISTEN_MS = 5000;
const ARPHRD_ETHER = 1;

const isPhysical = (name: string) =>
  readNumber(`${CLASS}/${name}/type`) === ARPHRD_ETHER && realPath(`${CLASS}/${name}/device`) !== undefined;
const hex = (text: string | undefined) => text?.replace(/^0x/, '');

/** virtio NICs are a bus below their PCI device. */
const pciAddress = (name: string) =>
  realPath(`${CLASS}/${name}/device`)
    ?.match(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/g)
    ?.at(-1);

export async function describeNics(clock: Clock): Promise<InventoryNic[]> {
  const names = listFolder(CLASS).filter(isPhysical);
  const withCarrier = names.filter((name) => readText(`${CLASS}/${name}/carrier`) === '1');
  const neighbours = await listenForNeighbours(
    withCarrier.map((name) => ({ name, index: readNumber(`${CLASS}/${name}/ifindex`) ?? 0 })),
    LLDP_LISTEN_MS,
    clock,
  );
  const addresses = networkInterfaces();
  return names.map((name) => {
    const pci = pciAddress(name);
    const speed = readNumber(`${CLASS}/${name}/speed`);
    return present<InventoryNic>({
      name,
      mac: readText(`${CLASS}/${name}/address`) ?? '',
      driver: linkName(`${CLASS}/${name}/device/driver`),
      pciAddress: pci,
      vendor: pci ? hex(readText(`/sys/bus/pci/devices/${pci}/vendor`)) : undefined,
      device: pci ? hex(readText(`/sys/bus/pci/devices/${pci}/device`)) : undefined,
      hasCarrier: withCarrier.includes(name),
      speedMbps: speed !== undefined && speed > 0 ? speed : undefined,
      ipAddress: addresses[name]?.find((address) => address.family === 'IPv4')?.address,
      lldp: neighbours.get(name),
    });
  });
}
