import type { BootCounters } from '../model/boot-counters.ts';
import type { ModelIndex } from '../model/model-index.ts';
import type { FrameSender } from '../socket/frame-sender.ts';
import { encodeDhcpMessage } from './dhcp-message-codec.ts';
import { decodeUint32, OPTION } from './dhcp-option-codec.ts';
import type { DhcpReply } from './dhcp-exchange.ts';
import type { DhcpDestination } from './dhcp-reply-policy.ts';
import type { DhcpListener } from './dhcp-server.ts';

export interface DhcpSenderOptions {
  /** 67; clients are reached on the next port, relays on this one. */
  readonly port: number;
  readonly currentIndex: () => ModelIndex;
  readonly frames: FrameSender | undefined;
  readonly counters: BootCounters;
}

/** A reply's bytes and where they go. */
export interface DhcpDelivery {
  readonly bytes: Buffer;
  readonly destination: DhcpDestination;
  /** Our address on the client's network. */
  readonly server: number;
}

/** Ends in bytes of its own: what the reply was composed from may be in memory that the next packets overwrite. */
export function encodeReply(reply: DhcpReply, counters: BootCounters): DhcpDelivery {
  const { bytes, omitted } = encodeDhcpMessage(reply.message, reply.sizeMax);
  if (omitted.length > 0) counters.add('dhcp.omitted-options', omitted.length);
  return { bytes, destination: reply.destination, server: decodeUint32(reply.message.options.get(OPTION.serverIdentifier))! };
}

export interface DhcpSender {
  /** By the socket that the request came in on. */
  send(listener: DhcpListener, delivery: DhcpDelivery): void;
  flush(listener: DhcpListener): void;
}

const ALL_ONES = 0xffffffff;

/** Brings a reply to where the policy wants it. */
export function createDhcpSender(options: DhcpSenderOptions): DhcpSender {
  const { frames, counters, port } = options;

  const broadcast = (listener: DhcpListener, { bytes, server }: DhcpDelivery) => {
    const subnet = options.currentIndex().subnets.find((s) => s.server === server);
    // Without a socket of its own interface only the subnet's directed broadcast finds the way.
    const target = listener.listen.kind === 'interface' || !subnet ? ALL_ONES : subnet.cidr.broadcast;
    listener.channel.send(bytes, target, port + 1);
  };

  return {
    send(listener, delivery) {
      const { bytes, destination, server } = delivery;
      if (destination.kind === 'relay') listener.channel.send(bytes, destination.address, port);
      else if (destination.kind === 'sender') listener.channel.send(bytes, destination.address, destination.port);
      else if (destination.kind === 'unicast') listener.channel.send(bytes, destination.address, port + 1);
      // Where there is no way to send frames, a broadcast reaches the client too.
      else if (destination.kind === 'client' && frames && listener.interfaceIndex > 0)
        frames.queue(listener.interfaceIndex, destination.mac, {
          sourceAddress: server,
          sourcePort: port,
          destinationAddress: destination.address,
          destinationPort: port + 1,
          payload: bytes,
        });
      else broadcast(listener, delivery);
    },
    flush(listener) {
      listener.channel.flush();
      const failed = frames?.flush() ?? 0;
      if (failed > 0) counters.add('dhcp.frame-failed', failed);
    },
  };
}
