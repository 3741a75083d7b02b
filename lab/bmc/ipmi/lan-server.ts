import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { Random } from '../../../core/base/random.ts';
import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { decodeIpmi15, encodeIpmi15 } from '../../../bmc/ipmi/ipmi15-session-codec.ts';
import { decodeMessage, responseMessage, type IpmiMessage } from '../../../bmc/ipmi/message-codec.ts';
import { decodeAsf, decodeRmcp, encodeAsf, encodeRmcp } from '../../../bmc/ipmi/rmcp-codec.ts';
import { decodeRmcpPlus, encodeRmcpPlus, isRmcpPlus, PAYLOAD, sessionIdOf } from '../../../bmc/ipmi/rmcp-plus-codec.ts';
import { encodeSolActivation, SOL_ALREADY_ACTIVE, SOL_DISABLED } from '../../../bmc/ipmi/sol-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { Caller, CallerSession } from './command-handler.ts';
import { runCommand } from './dispatch.ts';
import { acceptInSession, createSessionTable, SESSIONS_MAX, takeSequence, type LanSession, type Remote } from './lan-session.ts';
import { createRakpResponder } from './rakp-responder.ts';
import { openSolEndpoint, SOL_PACKET_BYTES_MAX } from './sol-endpoint.ts';
import { solAllowed } from './payload-commands.ts';
import { solEnabled } from './transport-commands.ts';

/** The LAN side of an emulated BMC: RMCP+ on UDP. Packets that break a rule are counted and dropped, as hardware does. */
export interface LanServer {
  readonly port: number;
  readonly counters: LanCounters;
  /** Forgets every session without a word, as a BMC does that restarts. */
  dropSessions(): void;
  close(): Promise<void>;
}

export interface LanCounters {
  received: number;
  malformed: number;
  unknownSession: number;
  replayed: number;
  repeatedCommands: number;
}

export interface LanServerSettings {
  readonly address: string;
  readonly port: number;
  readonly random: Random;
}

/** A repeat of the same bytes within this time is the network's or the client's, not a new command. */
const REPEAT_WINDOW_MS = 10_000;

export async function startLanServer(bmc: BmcModel, settings: LanServerSettings): Promise<LanServer> {
  const socket = createSocket(isIPv6(settings.address) ? 'udp6' : 'udp4');
  const counters: LanCounters = { received: 0, malformed: 0, unknownSession: 0, replayed: 0, repeatedCommands: 0 };
  const sessions = createSessionTable(() => bmc.clock.nowMs(), bmc.oddities.firstSequence);
  const rakp = createRakpResponder(bmc, sessions, settings.random);

  let isClosed = false;
  const transmit = (bytes: Buffer, remote: Remote) => {
    if (!isClosed) socket.send(bytes, remote.port, remote.address);
  };
  /** A slow BMC answers one packet after another: no answer overtakes an earlier one. */
  let freeAtMs = 0;
  const send = (kind: 'asf' | 'ipmi', body: Buffer, remote: Remote) => {
    const bytes = encodeRmcp(kind, body);
    if (bmc.faults.happens('garbage')) transmit(bmc.faults.damage(bytes), remote);
    if (bmc.faults.happens('packetLoss')) return;
    const lateMs = bmc.faults.delayMs('answerDelayMs');
    if (lateMs === 0) return transmit(bytes, remote);
    freeAtMs = Math.max(freeAtMs, bmc.clock.nowMs()) + lateMs;
    setTimeout(() => transmit(bytes, remote), freeAtMs - bmc.clock.nowMs()).unref();
  };
  const sendInSession = (session: LanSession, payloadType: number, payload: Buffer) => {
    const packet = { payloadType, sessionId: session.consoleSessionId, sequence: takeSequence(session), payload };
    send('ipmi', encodeRmcpPlus(packet, session.keys, settings.random.bytes(16)), session.remote);
  };

  const callerSession = (session: LanSession): CallerSession => ({
    managedSessionId: session.managedSessionId,
    handle: session.handle,
    userId: session.userId,
    privilegeMax: session.privilegeMax,
    remote: session.remote,
    setPrivilege: (privilege) => void (session.privilege = privilege),
    // The reply still needs the session's keys: it leaves the table now and its keys live on in `session`.
    close: (id) => sessions.close(id),
    counts: () => ({ possible: SESSIONS_MAX, active: sessions.all().filter((each) => each.stage === 'active').length }),
    activateSol() {
      if (!solEnabled(bmc) || !solAllowed(bmc, session.userId)) return SOL_DISABLED;
      if (sessions.all().some((each) => each.sol)) return SOL_ALREADY_ACTIVE;
      const stop = () => {
        session.sol?.close();
        session.sol = undefined;
      };
      session.sol = openSolEndpoint(bmc, (payload) => sendInSession(session, PAYLOAD.sol, payload), stop);
      const { bytesMax, port } = bmc.oddities.solTells ?? { bytesMax: SOL_PACKET_BYTES_MAX, port: socket.address().port };
      return encodeSolActivation(bytesMax, port);
    },
    deactivateSol() {
      const holder = sessions.all().find((each) => each.sol);
      holder?.sol?.close();
      if (holder) holder.sol = undefined;
      return holder ? COMPLETION.ok : 0x80;
    },
    solActive: () => sessions.all().some((each) => each.sol),
    sendLater: (message) => void setImmediate(() => sendInSession(session, PAYLOAD.ipmi, message)),
  });

  let commands = 0;
  const answer = (message: IpmiMessage, caller: Caller): Buffer => {
    const { busyEvery, lanChannel, wrongSums } = bmc.oddities;
    commands += 1;
    const isBusy = busyEvery !== undefined && commands % busyEvery === 0 && caller.session !== undefined;
    const from = lanChannel === undefined ? caller : { ...caller, lanChannel };
    const reply = responseMessage(message, isBusy ? Buffer.from([COMPLETION.busy]) : runCommand(bmc, message, from));
    if (wrongSums && caller.session) reply[reply.length - 1]! ^= 0xff;
    return reply;
  };

  const handleCommand = (session: LanSession, payload: Buffer) => {
    const last = session.lastCommand;
    if (last && last.request.equals(payload) && bmc.clock.nowMs() - last.atMs < REPEAT_WINDOW_MS) {
      counters.repeatedCommands += 1;
      return sendInSession(session, PAYLOAD.ipmi, last.reply);
    }
    const message = decodeMessage(payload);
    if (isMalformed(message)) return void (counters.malformed += 1);
    const reply = answer(message, { via: 'lan', privilege: session.privilege, session: callerSession(session) });
    session.lastCommand = { request: Buffer.from(payload), reply, atMs: bmc.clock.nowMs() };
    sendInSession(session, PAYLOAD.ipmi, reply);
  };

  const handleInSession = (body: Buffer, sessionId: number, remote: Remote) => {
    const session = sessions.find(sessionId);
    if (!session?.keys || session.stage !== 'active') return void (counters.unknownSession += 1);
    const packet = decodeRmcpPlus(body, session.keys);
    if (isMalformed(packet)) return void (counters.malformed += 1);
    if (!acceptInSession(session, packet.sequence)) return void (counters.replayed += 1);
    session.remote = remote;
    session.lastSeenMs = bmc.clock.nowMs();
    if (packet.payloadType === PAYLOAD.ipmi) handleCommand(session, packet.payload);
    else if (packet.payloadType === PAYLOAD.sol) session.sol?.receive(packet.payload);
  };

  const handleSetup = (body: Buffer, remote: Remote) => {
    const packet = decodeRmcpPlus(body);
    if (isMalformed(packet)) return void (counters.malformed += 1);
    const reply = (payloadType: number, payload: Buffer | undefined) => {
      if (payload) send('ipmi', encodeRmcpPlus({ payloadType, sessionId: 0, sequence: 0, payload }), remote);
    };
    if (packet.payloadType === PAYLOAD.openRequest) reply(PAYLOAD.openResponse, rakp.open(packet.payload, remote));
    else if (packet.payloadType === PAYLOAD.rakp1) reply(PAYLOAD.rakp2, rakp.challenge(packet.payload));
    else if (packet.payloadType === PAYLOAD.rakp3) reply(PAYLOAD.rakp4, rakp.confirm(packet.payload));
    else if (packet.payloadType === PAYLOAD.ipmi) {
      const message = decodeMessage(packet.payload);
      if (isMalformed(message)) return void (counters.malformed += 1);
      reply(PAYLOAD.ipmi, answer(message, { via: 'lan', privilege: 0 }));
    }
  };

  const handle15 = (body: Buffer, remote: Remote) => {
    const packet = decodeIpmi15(body);
    const message = isMalformed(packet) ? packet : decodeMessage(packet.payload);
    if (isMalformed(message)) return void (counters.malformed += 1);
    send('ipmi', encodeIpmi15({ sequence: 0, sessionId: 0, payload: answer(message, { via: 'lan', privilege: 0 }) }), remote);
  };

  socket.on('message', (bytes, remote) => {
    counters.received += 1;
    if (bmc.faults.happens('packetLoss')) return;
    const rmcp = decodeRmcp(bytes);
    if (isMalformed(rmcp)) return void (counters.malformed += 1);
    if (rmcp.kind === 'asf') {
      const asf = decodeAsf(rmcp.body);
      if (!isMalformed(asf) && asf.kind === 'ping') send('asf', encodeAsf({ kind: 'pong', tag: asf.tag }), remote);
      return;
    }
    if (!isRmcpPlus(rmcp.body)) return handle15(rmcp.body, remote);
    const sessionId = sessionIdOf(rmcp.body);
    if (sessionId) handleInSession(rmcp.body, sessionId, remote);
    else handleSetup(rmcp.body, remote);
  });
  socket.on('error', (error) => bmc.record('bmc.socket', `${bmc.name}: ${error.message}`, undefined, 'warning'));

  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(settings.port, settings.address, () => {
      socket.off('error', reject);
      resolve();
    });
  });

  const dropSessions = () => {
    for (const session of sessions.all()) sessions.close(session.managedSessionId);
  };
  return {
    port: socket.address().port,
    counters,
    dropSessions,
    close: () =>
      new Promise((resolve) => {
        dropSessions();
        isClosed = true;
        socket.close(() => resolve());
      }),
  };
}
