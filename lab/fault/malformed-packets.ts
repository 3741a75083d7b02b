import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Random } from '../../core/base/random.ts';
import type { Fault, FaultScene } from './fault.ts';
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, encodeDiscover, plugStranger, type Stranger } from './stranger.ts';

const MAC = '52:54:00:fa:11:ed';
const FROM = '10.77.0.254';
const TFTP_PORT = 69;
const EVERY_MS = 40;
const RANDOM_BYTES_MAX = 1_400;
/** Ports of the boot plane's HTTP, the agents' TLS and the operators' API. */
const AGENT_PORT = 5443;
const TCP_PORTS = [8080, AGENT_PORT, 5000] as const;
/** Of a hundred hostile messages so many go to a TCP port: a connection each. */
const TCP_SHARE = 0.15;
const REQUEST_SHOWN_CHARACTERS = 120;

const HTTP_JUNK = [
  'GET /boot/../../../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n',
  'GET /boot/%00%ff HTTP/1.1\r\nhost: x\r\nrange: bytes=9-1,,-\r\n\r\n',
  'POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"mac":[[',
  'PUT /baremetal/v1/nodes/x/states/provision HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
] as const;

/** What an agent would send, with bodies that no agent sends. */
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const AGENT_JUNK = [
  post('/v1/continue_inspection', '{"inventory":null}'),
  post('/v1/continue_inspection', '{"inventory":{"system":{"uuid":7},"interfaces":[{"mac_address":"\\u0000"}]}}'),
  post('/v1/heartbeat/..%2f..%2fetc', '{"agent_token":{"$ne":1}}'),
  post('/v1/heartbeat/52540000-0000-4000-8000-000000000000', '[[[[[[[[[[]]]]]]]]]]'),
  post('/v1/agent/%00/report', '{"id":"x","status":"done"}'),
  post('/v1/agent/x/log', `{"lines":${'['.repeat(2_000)}${']'.repeat(2_000)}}`),
  'GET /v1/lookup?addresses=%ff,,,&node_uuid=%27;drop HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  'GET /v1/agent/x/command?wait=-1e99 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
] as const;

/** The bytes with some of them changed, then perhaps cut. */
function damage(bytes: Buffer, random: Random): Buffer {
  const damaged = Buffer.from(bytes);
  const below = (limit: number) => Math.floor(random.unit() * limit);
  for (let left = 1 + below(6); left > 0; left -= 1) damaged[below(damaged.length)] = below(256);
  return random.unit() < 0.3 ? damaged.subarray(0, below(damaged.length)) : damaged;
}

function sendDatagram(stranger: Stranger, to: string, random: Random): void {
  const dice = random.unit();
  const noise = () => random.bytes(Math.floor(random.unit() * RANDOM_BYTES_MAX));
  if (dice < 0.4) {
    const discover = encodeDiscover(
      MAC,
      random.bytes(4).readUInt32BE(0),
      new Map([
        [93, random.bytes(2)],
        [97, random.bytes(17)],
        [82, random.bytes(9)],
      ]),
    );
    const payload = dice < 0.35 ? damage(discover, random) : noise();
    return stranger.sendUdp({ to: '255.255.255.255', sourcePort: DHCP_CLIENT_PORT, destinationPort: DHCP_SERVER_PORT, payload });
  }
  if (dice < 0.8) {
    const request = Buffer.from('\0\u0001../../etc/passwd\0octet\0blksize\u00000\0windowsize\u000099999\0tsize\u0000-1\0', 'latin1');
    const payload = dice < 0.7 ? damage(request, random) : noise();
    return stranger.sendUdp({ from: FROM, to, sourcePort: 1024 + Math.floor(random.unit() * 60_000), destinationPort: TFTP_PORT, payload });
  }
  // Whole frames of noise, with a type that the server listens to.
  stranger.send(
    Buffer.concat([
      Buffer.alloc(6, 0xff),
      Buffer.from('525400fa11ed', 'hex'),
      Buffer.from(dice < 0.9 ? '0800' : '0806', 'hex'),
      noise(),
      Buffer.alloc(46),
    ]),
  );
}

/** One connection with something that is no request, or none that makes sense; `onCrash` when it is answered 500. */
function sendJunk(port: number, isAgentPort: boolean, random: Random, onCrash: (request: string) => void): void {
  // An agent's port speaks TLS: nonsense comes before its handshake, and behind it.
  const speaksTls = isAgentPort && random.unit() < 0.7;
  const socket = speaksTls ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.setTimeout(5_000, () => socket.destroy());
  const junk = speaksTls ? AGENT_JUNK : HTTP_JUNK;
  const request = junk[Math.floor(random.unit() * junk.length)]!;
  socket.once('data', (answer: Buffer) => {
    if (answer.toString('latin1', 0, 12) === 'HTTP/1.1 500') onCrash(request.slice(0, REQUEST_SHOWN_CHARACTERS));
  });
  socket.on('data', () => {});
  socket.end(random.unit() < 0.8 ? request : random.bytes(200));
}

async function disturb({ rack, random, inject, problem, product }: FaultScene) {
  const stranger = await plugStranger(rack, MAC);
  const forwards = await Promise.all(
    TCP_PORTS.map((port) =>
      rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: `${port === 5000 ? '127.0.0.1' : rack.spec.network.address}:${port}` }),
    ),
  );
  const timer = setInterval(() => {
    inject();
    if (random.unit() < TCP_SHARE) {
      const at = Math.floor(random.unit() * TCP_PORTS.length);
      sendJunk(forwards[at]!.port, TCP_PORTS[at] === AGENT_PORT, random, (request) => problem(`answered 500: ${request}`));
    } else sendDatagram(stranger, rack.spec.network.address, random);
  }, EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      stranger.close();
      await Promise.all(forwards.map((forward) => forward.stop()));
      if (!(await product.isReady())) problem('the control plane is not ready any more');
    },
  };
}

export const malformedPackets: Fault = {
  name: 'malformed-packets',
  part: 'switch',
  does: 'damaged DHCP, TFTP, ARP, HTTP and TLS is sent at the control plane 25 times a second, and BMCs answer with damaged copies',
  expects: 'nothing crashes, and every machine reaches its goal',
  bmc: { garbage: 0.3 },
  counters: { bmc: ['garbage'] },
  disturb,
};
