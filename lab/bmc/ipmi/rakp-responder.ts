import { timingSafeEqual } from 'node:crypto';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { Random } from '../../../core/base/random.ts';
import { findCipherSuite } from '../../../bmc/ipmi/cipher-suite-codec.ts';
import { encodeSystemGuid } from '../../../bmc/ipmi/device-codec.ts';
import {
  decodeOpenRequest,
  decodeRakp1,
  decodeRakp34,
  encodeOpenResponse,
  encodeRakp2,
  encodeRakp34,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  RAKP_STATUS,
  ROLE_BY_NAME_ONLY,
  sessionIntegrityKey,
  sessionKeys,
  type Rakp1,
} from '../../../bmc/ipmi/rakp-codec.ts';
import { RAKP_VARIANTS, SHORT_PASSWORD_BYTES } from '../../../bmc/ipmi/rakp-variant-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { LanSession, Remote, SessionTable } from './lan-session.ts';

/** The BMC's half of the RMCP+ handshake. Each function answers the payload to send back, or undefined for silence. */
export interface RakpResponder {
  open(payload: Buffer, remote: Remote): Buffer | undefined;
  challenge(payload: Buffer): Buffer | undefined;
  confirm(payload: Buffer): Buffer | undefined;
}

const EMPTY = Buffer.alloc(0);
const EXCESS = Buffer.alloc(4);

export function createRakpResponder(bmc: BmcModel, sessions: SessionTable, random: Random): RakpResponder {
  const variant = RAKP_VARIANTS.find(({ name }) => name === (bmc.oddities.rakp ?? 'standard'))!;
  const keptOf = (password: Buffer) => (bmc.oddities.shortPasswords ? password.subarray(0, SHORT_PASSWORD_BYTES) : password);
  const newSessionId = (): number => {
    for (;;) {
      const id = random.bytes(4).readUInt32LE(0);
      if (id !== 0 && !sessions.find(id)) return id;
    }
  };

  const nameIn = ({ username }: Rakp1) => (bmc.oddities.rakp === 'padded-name' ? username.replace(/\0+$/, '') : username);

  const findUser = (message: Rakp1): number =>
    bmc.accounts.findIndex(
      (account, id) =>
        id > 0 && account.enabled && account.ipmiMessaging && account.name === nameIn(message) && account.privilege !== PRIVILEGE.none,
    );

  const refuse2 = (message: Rakp1, session: LanSession | undefined, status: number): Buffer =>
    encodeRakp2({
      tag: message.tag,
      status,
      consoleSessionId: session?.consoleSessionId ?? 0,
      managedRandom: EMPTY,
      managedGuid: EMPTY,
      code: EMPTY,
    });

  const startExchange = (session: LanSession, message: Rakp1): Buffer => {
    const userId = findUser(message);
    const account = bmc.accounts[userId];
    if (!account) {
      bmc.record('bmc.login-refused', `${bmc.name}: no such user`, { username: message.username }, 'warning');
      return refuse2(message, session, RAKP_STATUS.unauthorizedName);
    }
    const asked = message.role & 0x0f;
    const limit = Math.min(account.privilege, session.privilegeLimit || PRIVILEGE.administrator);
    const privilegeMax = asked === 0 ? limit : asked;
    if (privilegeMax > limit) return refuse2(message, session, RAKP_STATUS.unauthorizedRole);
    session.userId = userId;
    session.privilegeMax = privilegeMax;
    session.exchange = variant.shape({
      suite: session.suite,
      consoleSessionId: session.consoleSessionId,
      managedSessionId: session.managedSessionId,
      consoleRandom: message.consoleRandom,
      managedRandom: random.bytes(16),
      managedGuid: encodeSystemGuid(bmc.identity.uuid),
      role: (message.role & ROLE_BY_NAME_ONLY) | (bmc.oddities.hashesOpenLevel ? session.privilegeLimit : asked),
      username: message.username,
    });
    session.stage = 'challenged';
    const code = Buffer.concat([
      rakp2Code(session.exchange, keptOf(account.password)),
      EXCESS.subarray(0, bmc.oddities.longCodes ? EXCESS.length : 0),
    ]);
    return encodeRakp2({
      tag: message.tag,
      status: 0,
      consoleSessionId: session.consoleSessionId,
      managedRandom: session.exchange.managedRandom,
      managedGuid: session.exchange.managedGuid,
      code,
    });
  };

  const finishExchange = (session: LanSession, tag: number, code: Buffer): Buffer => {
    const exchange = session.exchange!;
    const password = keptOf(bmc.accounts[session.userId]!.password);
    const wanted = rakp3Code(exchange, password);
    const answer = (status: number, icv: Buffer) => encodeRakp34({ tag, status, sessionId: session.consoleSessionId, code: icv });
    if (code.length !== wanted.length || !timingSafeEqual(code, wanted)) {
      bmc.record('bmc.login-refused', `${bmc.name}: wrong password`, { username: exchange.username }, 'warning');
      return answer(RAKP_STATUS.invalidCode, EMPTY);
    }
    const sik = sessionIntegrityKey(exchange, password);
    session.keys = sessionKeys(session.suite, sik);
    session.stage = 'active';
    // §13.32: a new session starts at USER level, or below when the user may not.
    session.privilege = Math.min(PRIVILEGE.user, session.privilegeMax);
    return answer(0, rakp4Code(exchange, sik));
  };

  /** A repeated handshake message gets the answer that its first copy got. */
  const onceFor = (session: LanSession, payload: Buffer, make: () => Buffer): Buffer => {
    if (session.handshake?.request.equals(payload)) return session.handshake.reply;
    const reply = make();
    session.handshake = { request: Buffer.from(payload), reply };
    session.lastSeenMs = bmc.clock.nowMs();
    return reply;
  };

  return {
    open(payload, remote) {
      const request = decodeOpenRequest(payload);
      if (isMalformed(request)) return undefined;
      const suite = findCipherSuite(request.authentication, request.integrity, request.confidentiality);
      const answer = (status: number, managedSessionId = 0) =>
        encodeOpenResponse(
          { tag: request.tag, status, consoleSessionId: request.consoleSessionId, managedSessionId, suite },
          request.privilege || PRIVILEGE.administrator,
        );
      if (!suite) return answer(RAKP_STATUS.noCipherSuite);
      // A repeat of a request whose answer was lost must not take a second slot.
      const same = sessions
        .all()
        .find(
          (each) =>
            each.consoleSessionId === request.consoleSessionId &&
            each.stage === 'opened' &&
            each.remote.port === remote.port &&
            each.remote.address === remote.address &&
            each.suite === suite,
        );
      if (!same && bmc.faults.happens('sessionRefusal')) return answer(RAKP_STATUS.noResources);
      const session =
        same ??
        sessions.open({
          consoleSessionId: request.consoleSessionId,
          suite,
          privilegeLimit: request.privilege,
          remote,
          managedSessionId: newSessionId(),
        });
      return session ? answer(0, session.managedSessionId) : answer(RAKP_STATUS.noResources);
    },
    challenge(payload) {
      const message = decodeRakp1(payload);
      if (isMalformed(message)) return undefined;
      const session = sessions.find(message.managedSessionId);
      if (!session) return refuse2(message, undefined, RAKP_STATUS.invalidSessionId);
      if (session.stage === 'active') return undefined;
      return onceFor(session, payload, () => startExchange(session, message));
    },
    confirm(payload) {
      const message = decodeRakp34(payload);
      if (isMalformed(message)) return undefined;
      const session = sessions.find(message.sessionId);
      if (!session || session.stage === 'opened') return undefined;
      if (message.status !== 0) {
        sessions.close(session.managedSessionId);
        return undefined;
      }
      if (session.stage === 'active' && !session.handshake?.request.equals(payload)) return undefined;
      const reply = onceFor(session, payload, () => finishExchange(session, message.tag, message.code));
      if (session.stage !== 'active') sessions.close(session.managedSessionId);
      return reply;
    },
  };
}
