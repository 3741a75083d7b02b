import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import {
  BOOT_REPLY,
  BOOT_REQUEST,
  BROADCAST_FLAG,
  decodeDhcpMessage,
  encodeDhcpMessage,
  type DhcpMessage,
} from '../../pxe/dhcp/dhcp-message-codec.ts';
import { decodeUint32, encodeUint32, encodeUint8, MESSAGE_TYPE, OPTION } from '../../pxe/dhcp/dhcp-option-codec.ts';
import { BOOT_INTERFACE } from '../world/boot-server.ts';
import type { Life } from '../world/virtual-time.ts';
import { between, meets, type World } from '../world/world.ts';
import type { Machine } from './machine.ts';

/*
 * The machine's side of the wire: DHCP as its firmware, iPXE and ramdisk speak it, over a network that may lose, double, delay and reorder
 * what it carries, or have a second server on it.
 */
export type Loader = 'firmware' | 'ipxe' | 'ramdisk';

export type Address =
  | { readonly kind: 'bound'; readonly ipAddress: string; readonly bootFile: string }
  | { readonly kind: 'no-offer' | 'no-ack' | 'no-link' };

/** Who waits for a packet to a MAC address. */
export interface Wire {
  send(machine: Machine, packet: Buffer): void;
  listen(mac: string, take: (message: DhcpMessage) => void): () => void;
  deliver(packet: Buffer): void;
}

/** How long each waits for an answer before it asks again: PXE 2.1, 2.2.4; iPXE; udhcpc. */
const PATIENCE_MS: Readonly<Record<Loader, readonly number[]>> = {
  firmware: [4_000, 8_000, 16_000, 32_000],
  ipxe: [1_000, 2_000, 4_000, 8_000, 16_000],
  ramdisk: Array.from({ length: 20 }, () => 3_000),
};
const ROGUE_ADDRESS = '10.99.0.1';
const MESSAGE_BYTES_MAX = 1400;

const hexBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');
const macOf = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
const typeOf = (message: DhcpMessage) => message.options.get(OPTION.messageType)?.[0];

export function createWire(world: World): Wire {
  const listeners = new Map<string, (message: DhcpMessage) => void>();
  const { random } = world;
  const clock = world.time.clockOf({ alive: true });
  /** When, in milliseconds from now, a packet comes out at the other end; never, once or twice. */
  const fates = (): number[] => {
    if (meets(world, 'network-loss', 0.35)) return [];
    if (meets(world, 'network-delay')) return [between(random, 1_200, 1_800)];
    if (meets(world, 'network-reorder', 0.5)) return [between(random, 4_500, 9_000)];
    return meets(world, 'network-duplicates', 0.6) ? [1, between(random, 2, 300)] : [1];
  };
  const carry = (work: () => void) => {
    for (const ms of fates()) void clock.sleep(ms).then(work);
  };
  return {
    send(machine, packet) {
      if (meets(world, 'nic-wrong-vlan')) return;
      if (meets(world, 'rogue-dhcp', 0.8)) answerAsRogue(packet, (reply) => void clock.sleep(0).then(() => deliverTo(listeners, reply)));
      const name = meets(world, 'nic-wrong-network') ? 'rack9' : BOOT_INTERFACE;
      carry(() => {
        const desk = world.boot();
        if (desk !== undefined) desk.takeDhcp(packet, name);
        else meets(world, 'kill-boot-server');
      });
      if (meets(world, 'malformed-packets', 0.5)) world.boot()?.takeDhcp(packet.subarray(0, 200), name);
    },
    listen(mac, take) {
      listeners.set(mac, take);
      return () => {
        if (listeners.get(mac) === take) listeners.delete(mac);
      };
    },
    deliver: (packet) => carry(() => deliverTo(listeners, packet)),
  };
}

function deliverTo(listeners: ReadonlyMap<string, (message: DhcpMessage) => void>, packet: Buffer): void {
  const message = decodeDhcpMessage(packet);
  if (!isMalformed(message)) listeners.get(macOf(message.chaddr))?.(message);
}

/** A box under somebody's desk: it has addresses, and no idea of boot files. */
function answerAsRogue(packet: Buffer, send: (reply: Buffer) => void): void {
  const request = decodeDhcpMessage(packet);
  if (isMalformed(request)) return;
  const chosen = decodeUint32(request.options.get(OPTION.serverIdentifier));
  const type = typeOf(request);
  if (type === MESSAGE_TYPE.request && chosen !== ipv4ToNumber(ROGUE_ADDRESS)) return;
  const reply = type === MESSAGE_TYPE.discover ? MESSAGE_TYPE.offer : MESSAGE_TYPE.ack;
  const options = new Map([
    [OPTION.messageType as number, encodeUint8(reply)],
    [OPTION.serverIdentifier as number, encodeUint32(ipv4ToNumber(ROGUE_ADDRESS)!)],
    [OPTION.leaseTime as number, encodeUint32(600)],
  ]);
  const answer = { ...request, op: BOOT_REPLY, yiaddr: ipv4ToNumber('10.99.0.77')!, siaddr: 0, options };
  send(encodeDhcpMessage(answer, MESSAGE_BYTES_MAX).bytes);
}

function optionsOf(world: World, machine: Machine, loader: Loader): [number, Buffer][] {
  if (loader === 'ramdisk') return [[OPTION.vendorClass, Buffer.from('udhcp 1.36.1')]];
  const architecture = meets(world, 'unknown-architecture') ? 27 : machine.platform === 'efi' ? 7 : 0;
  return [
    [OPTION.vendorClass, Buffer.from(`PXEClient:Arch:${String(architecture).padStart(5, '0')}:UNDI:003001`)],
    [OPTION.clientArchitecture, Buffer.from([0, architecture])],
    ...(loader === 'ipxe' ? [[OPTION.userClass, Buffer.from('iPXE')] as [number, Buffer]] : []),
  ];
}

/** One DHCP exchange from DISCOVER to ACK. */
export async function getAddress(world: World, wire: Wire, machine: Machine, plug: Life, loader: Loader): Promise<Address> {
  if (meets(world, 'nic-no-link')) return { kind: 'no-link' };
  const clock = world.time.clockOf(plug);
  const xid = Math.floor(world.random.unit() * 2 ** 32);
  const startedMs = world.time.nowMs();
  const common = optionsOf(world, machine, loader);
  const compose = (type: number, more: readonly (readonly [number, Buffer])[]): Buffer =>
    encodeDhcpMessage(
      {
        op: BOOT_REQUEST,
        htype: 1,
        hops: 0,
        xid,
        secs: Math.min(0xffff, Math.floor((world.time.nowMs() - startedMs) / 1000)),
        flags: BROADCAST_FLAG,
        ciaddr: 0,
        yiaddr: 0,
        siaddr: 0,
        giaddr: 0,
        chaddr: hexBytes(machine.mac),
        sname: '',
        file: '',
        options: new Map([[OPTION.messageType as number, encodeUint8(type)], ...common, ...more]),
      },
      MESSAGE_BYTES_MAX,
    ).bytes;

  const ask = async (type: number, wanted: number, more: readonly (readonly [number, Buffer])[]): Promise<DhcpMessage | undefined> => {
    for (const ms of PATIENCE_MS[loader]) {
      const answered = new AbortController();
      let answer: DhcpMessage | undefined;
      const forget = wire.listen(machine.mac, (message) => {
        if (message.xid !== xid || typeOf(message) !== wanted || answer !== undefined) return;
        answer = message;
        answered.abort();
      });
      wire.send(machine, compose(type, more));
      await clock.sleep(ms, answered.signal).catch(() => {});
      forget();
      if (answer !== undefined) return answer;
    }
    return undefined;
  };

  const offer = await ask(MESSAGE_TYPE.discover, MESSAGE_TYPE.offer, []);
  if (offer === undefined) return { kind: 'no-offer' };
  const ack = await ask(MESSAGE_TYPE.request, MESSAGE_TYPE.ack, [
    [OPTION.requestedAddress, encodeUint32(offer.yiaddr)],
    [OPTION.serverIdentifier, offer.options.get(OPTION.serverIdentifier)!],
  ]);
  if (ack === undefined) return { kind: 'no-ack' };
  const bootFile = ack.options.get(OPTION.bootFileName)?.toString('latin1').replace(/\0+$/, '') ?? ack.file;
  return { kind: 'bound', ipAddress: ipv4FromNumber(ack.yiaddr), bootFile };
}
