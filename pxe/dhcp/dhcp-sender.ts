import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { ModelIndex } from '../model/model-index.ts';
import type { FrameSender } from '../socket/frame-sender.ts';
import type { DhcpEvents } from './dhcp-events.ts';
import { encodeDhcpMessage } from './dhcp-message-codec.ts';
import { decodeUint32, OPTION } from './dhcp-option-codec.ts';
import type { DhcpReply } from './dhcp-policy.ts';
import type { DhcpListener } from './dhcp-server.ts';

export interface DhcpSenderOptions {
  /** 67; clients are reached on the next port, relays on this one. */
  readonly port: number;
  readonly currentIndex: () => ModelIndex;
  readonly frames: FrameSender | undefined;
  readonly counters: BootCounters;
  readonly events: DhcpEvents;
}

/** Brings a reply to where the policy wants it, by the socket that the request came in on. */
export function createDhcpSender(options: DhcpSenderOptions): (listener: DhcpListener, reply: DhcpReply) => void {
  const { counters, events } = options;
  const transmit = (listener: DhcpListener, bytes: Buffer, port: number, address: string) => {
    try {
      listener.socket.send(bytes, port, address, (error) => {
        if (error) events.sendFailure(address, error);
      });
    } catch {
      counters.add('dhcp.drop.socket-closed');
    }
  };

  const broadcast = (listener: DhcpListener, bytes: Buffer, server: number) => {
    const subnet = options.currentIndex().subnets.find((s) => s.server === server);
    // Without a socket of its own interface only the subnet's directed broadcast finds the way.
    const target = listener.listen.kind === 'interface' || !subnet ? '255.255.255.255' : ipv4FromNumber(subnet.cidr.broadcast);
    transmit(listener, bytes, options.port + 1, target);
  };

  /** False when there is no way to send frames: then a broadcast reaches the client too. */
  const sendFrame = (listener: DhcpListener, bytes: Buffer, server: number, address: number, mac: string): boolean => {
    if (!options.frames || listener.interface === undefined) return false;
    const packet = {
      sourceAddress: server,
      sourcePort: options.port,
      destinationAddress: address,
      destinationPort: options.port + 1,
      payload: bytes,
    };
    if (options.frames.send(listener.interface, mac, packet)) return true;
    counters.add('dhcp.frame-failed');
    return false;
  };

  return (listener, reply) => {
    const { bytes, omitted } = encodeDhcpMessage(reply.message, reply.sizeMax);
    if (omitted.length > 0) counters.add('dhcp.omitted-options', omitted.length);
    counters.add(`dhcp.sent.${reply.type}`);
    const server = decodeUint32(reply.message.options.get(OPTION.serverIdentifier))!;
    const { destination } = reply;
    if (destination.kind === 'relay') transmit(listener, bytes, options.port, ipv4FromNumber(destination.address));
    else if (destination.kind === 'unicast') transmit(listener, bytes, options.port + 1, ipv4FromNumber(destination.address));
    else if (destination.kind !== 'client' || !sendFrame(listener, bytes, server, destination.address, destination.mac))
      broadcast(listener, bytes, server);
  };
}
