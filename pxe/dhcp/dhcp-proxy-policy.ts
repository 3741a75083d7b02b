import { ipv4FromNumber, ipv4InCidr } from '../../core/base/ipv4-address.ts';
import { needsSigned } from '../model/model-index.ts';
import { chooseBootFile } from '../script/boot-file-policy.ts';
import { type DhcpReply, type DhcpSilence, type Exchange, silence } from './dhcp-exchange.ts';
import { MESSAGE_TYPE } from './dhcp-option-codec.ts';
import { chooseDestination, composeProxyReply } from './dhcp-reply-policy.ts';

/**
 * ProxyDHCP (PXE 2.1 §2.2): beside another DHCP server, answers boot files and never an address. DISCOVERs on port 67 get an
 * offer with the file in it, and REQUESTs to port 4011 an ACK; what belongs to the addresses is the other server's.
 */
export function answerAsProxy(exchange: Exchange): DhcpReply | DhcpSilence {
  const { facts, request, host, proxyAskedFrom } = exchange;
  const { ciaddr } = request;
  const subnet = exchange.subnets.find((s) => s.subnet.proxy !== undefined && (ciaddr === 0 || ipv4InCidr(ciaddr, s.cidr)));
  if (subnet === undefined)
    return silence(exchange, 'no-proxy-here', `${facts.mac} asked for a boot file of a proxy, which no subnet of ours there has`);
  const wanted = proxyAskedFrom === undefined ? MESSAGE_TYPE.discover : MESSAGE_TYPE.request;
  if (facts.messageType !== wanted)
    return silence(
      exchange,
      'left-to-other-server',
      `DHCP message type ${facts.messageType} of ${facts.mac} is for the server that gives addresses`,
    );
  if (host === undefined && subnet.subnet.proxy === 'known')
    return silence(exchange, 'stranger-not-answered', `${facts.mac} is unknown, and its subnet's proxy answers known machines only`);
  const bootFile = chooseBootFile(
    facts.firmware,
    facts.mac,
    `http://${subnet.subnet.serverAddress}:${exchange.httpPort}`,
    needsSigned(host, subnet),
  );
  if (bootFile.kind === 'not-booting') return silence(exchange, 'not-booting', `${facts.mac} wants an address, and no boot file`);
  if (bootFile.kind === 'unsupported') return silence(exchange, 'not-booting', `${facts.mac} gets no boot file: ${bootFile.why}`);
  const type = proxyAskedFrom === undefined ? 'offer' : 'ack';
  const message = composeProxyReply(MESSAGE_TYPE[type], { request, facts, subnet, bootFile });
  return {
    kind: 'reply',
    type,
    message,
    facts,
    host,
    relay: exchange.relay,
    notes: [],
    leases: [],
    destination: proxyAskedFrom ? { kind: 'sender', ...proxyAskedFrom } : chooseDestination(request, MESSAGE_TYPE[type], 0, facts.mac),
    sizeMax: facts.replyBytesMax,
    why: `as a proxy${ciaddr === 0 ? '' : ` for ${ipv4FromNumber(ciaddr)}`}; ${bootFile.why}`,
  };
}
