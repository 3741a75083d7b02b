import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/base/clock.ts';
import { isMalformed, type Malformed } from '../../core/base/malformed.ts';
import type { Random } from '../../core/base/random.ts';
import type { CipherSuite, SessionKeys } from './cipher-suite-codec.ts';
import { exchange } from './exchange.ts';
import type { Lane } from './ipmi-transport.ts';
import {
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp34,
  encodeOpenRequest,
  encodeRakp1,
  encodeRakp34,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  RAKP_STATUS,
  rakpStatusName,
  ROLE_BY_NAME_ONLY,
  sessionIntegrityKey,
  sessionKeys,
  type RakpExchange,
} from './rakp-codec.ts';
import { passwordsToTry, RAKP_VARIANTS, type RakpVariant } from './rakp-variant-codec.ts';
import { decodeRmcpPlus, encodeRmcpPlus, PAYLOAD } from './rmcp-plus-codec.ts';

/**
 * The console's half of opening an RMCP+ session. A resent RAKP 1 carries a new tag, because BMCs draw a new random
 * number for it: only the answer to the newest one is taken, so that keys are never made from a stale RAKP 2.
 */
export interface HandshakeSettings {
  readonly suite: CipherSuite;
  readonly username: string;
  readonly password: Buffer;
  readonly privilege: number;
  readonly waitsMs: readonly number[];
}

export type HandshakeOutcome =
  | {
      readonly kind: 'open';
      readonly consoleSessionId: number;
      readonly managedSessionId: number;
      readonly keys: SessionKeys;
      /** How this BMC makes its codes. */
      readonly way: BmcWay;
    }
  /** `silent-suite`: no answer to Open Session at all, as some BMCs treat suites they do not know. */
  | {
      readonly kind: 'silent-suite' | 'silent' | 'suite-refused' | 'role-refused' | 'auth-refused' | 'no-sessions' | 'confused';
      readonly reason: string;
    };

const SUITE_REFUSALS: readonly number[] = [
  RAKP_STATUS.invalidAuthentication,
  RAKP_STATUS.invalidIntegrity,
  RAKP_STATUS.invalidConfidentiality,
  RAKP_STATUS.noCipherSuite,
];
const ROLE_REFUSALS: readonly number[] = [RAKP_STATUS.invalidRole, RAKP_STATUS.unauthorizedRole];
const FULL_REFUSALS: readonly number[] = [RAKP_STATUS.noResources, RAKP_STATUS.noResourcesForRole];

function refusal(step: string, status: number): HandshakeOutcome {
  const reason = `${step}: ${rakpStatusName(status)}`;
  if (SUITE_REFUSALS.includes(status)) return { kind: 'suite-refused', reason };
  if (ROLE_REFUSALS.includes(status)) return { kind: 'role-refused', reason };
  if (FULL_REFUSALS.includes(status)) return { kind: 'no-sessions', reason };
  if (status === RAKP_STATUS.unauthorizedName || status === RAKP_STATUS.invalidNameLength) return { kind: 'auth-refused', reason };
  return { kind: 'confused', reason };
}

const sameBytes = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

interface BmcWay {
  readonly variant: RakpVariant['name'];
  readonly isPasswordShortened: boolean;
}

/** Which of the known ways this BMC's proof fits; Peppercon's firmware sends more bytes than the code has. */
function wayOf(x: RakpExchange, password: Buffer, code: Buffer): { hashed: RakpExchange; key: Buffer; way: BmcWay } | undefined {
  const found = code.subarray(0, x.suite.digestBytes);
  for (const key of passwordsToTry(password))
    for (const { name, shape } of RAKP_VARIANTS) {
      const hashed = shape(x);
      if (sameBytes(found, rakp2Code(hashed, key)))
        return { hashed, key, way: { variant: name, isPasswordShortened: key.length < password.length } };
    }
  return undefined;
}

/** Asks one message of the handshake, with resends; `currentTag` is read when an answer comes, so a stale one never fits. */
function createAsk(lane: Lane, settings: HandshakeSettings, clock: Clock, signal: AbortSignal, currentTag: () => number) {
  return <Answer extends { tag: number }>(
    payloadType: number,
    answerType: number,
    make: (attempt: number) => Buffer,
    decode: (payload: Buffer) => Answer | Malformed,
    isOurs: (answer: Answer) => boolean,
  ): Promise<Answer | undefined> =>
    exchange(clock, {
      waitsMs: settings.waitsMs,
      signal,
      listen: (offer) => lane.onPacket(offer),
      send: (attempt) => lane.send(encodeRmcpPlus({ payloadType, sessionId: 0, sequence: 0, payload: make(attempt) })),
      match(body) {
        const packet = decodeRmcpPlus(body);
        if (isMalformed(packet) || packet.payloadType !== answerType) return undefined;
        const answer = decode(packet.payload);
        return !isMalformed(answer) && answer.tag === currentTag() && isOurs(answer) ? answer : undefined;
      },
    });
}

export async function openHandshake(
  lane: Lane,
  settings: HandshakeSettings,
  deps: { clock: Clock; random: Random },
  signal: AbortSignal,
): Promise<HandshakeOutcome> {
  const { suite } = settings;
  let tag = deps.random.bytes(1)[0]!;
  const nextTag = () => (tag = (tag + 1) & 0xff);

  const ask = createAsk(lane, settings, deps.clock, signal, () => tag);

  const consoleSessionId = deps.random.bytes(4).readUInt32LE(0) || 1;
  nextTag();
  const openRequest = encodeOpenRequest({ ...suite, tag, privilege: settings.privilege, consoleSessionId });
  const opened = await ask(
    PAYLOAD.openRequest,
    PAYLOAD.openResponse,
    () => openRequest,
    decodeOpenResponse,
    (answer) => answer.status !== 0 || answer.consoleSessionId === consoleSessionId,
  );
  if (!opened) return { kind: 'silent-suite', reason: `no answer to Open Session with cipher suite ${suite.id}` };
  if (opened.status !== 0) return refusal('Open Session', opened.status);
  if (opened.suite?.id !== suite.id) return { kind: 'suite-refused', reason: 'Open Session: BMC chose another cipher suite' };

  const consoleRandom = deps.random.bytes(16);
  const role = settings.privilege | ROLE_BY_NAME_ONLY;
  const { managedSessionId } = opened;
  const makeRakp1 = () => encodeRakp1({ tag: nextTag(), managedSessionId, consoleRandom, role, username: settings.username });
  const rakp2 = await ask(
    PAYLOAD.rakp1,
    PAYLOAD.rakp2,
    makeRakp1,
    decodeRakp2,
    (answer) => answer.status !== 0 || answer.consoleSessionId === consoleSessionId,
  );
  if (!rakp2) return { kind: 'silent', reason: 'no answer to RAKP 1' };
  if (rakp2.status !== 0) return refusal('RAKP 2', rakp2.status);

  const x: RakpExchange = {
    suite,
    consoleSessionId,
    managedSessionId,
    consoleRandom,
    managedRandom: rakp2.managedRandom,
    managedGuid: rakp2.managedGuid,
    role,
    username: settings.username,
  };
  return proveBothSides(lane, x, settings.password, rakp2, nextTag, ask);
}

/** RAKP 2's proof, then RAKP 3 and 4: both sides have shown that they know the password, the session is open. */
async function proveBothSides(
  lane: Lane,
  x: RakpExchange,
  password: HandshakeSettings['password'],
  rakp2: { code: Buffer },
  nextTag: () => number,
  ask: ReturnType<typeof createAsk>,
): Promise<HandshakeOutcome> {
  const { suite, consoleSessionId, managedSessionId } = x;
  const makeRakp3 = (status: number, code: Buffer) => encodeRakp34({ tag: nextTag(), status, sessionId: managedSessionId, code });
  const known = wayOf(x, password, rakp2.code);
  if (!known) {
    // Tells the BMC to free the session; it does not answer.
    lane.send(
      encodeRmcpPlus({
        payloadType: PAYLOAD.rakp3,
        sessionId: 0,
        sequence: 0,
        payload: makeRakp3(RAKP_STATUS.invalidCode, Buffer.alloc(0)),
      }),
    );
    return { kind: 'auth-refused', reason: 'RAKP 2: the BMC knows another password for this user' };
  }

  const { hashed, key, way } = known;
  const rakp3 = makeRakp3(0, rakp3Code(hashed, key));
  const rakp4 = await ask(
    PAYLOAD.rakp3,
    PAYLOAD.rakp4,
    () => rakp3,
    decodeRakp34,
    (answer) => answer.status !== 0 || answer.sessionId === consoleSessionId,
  );
  if (!rakp4) return { kind: 'silent', reason: 'no answer to RAKP 3' };
  // The password was right in RAKP 2, so a refusal here means that the BMC had moved on to another random number.
  if (rakp4.status !== 0) return { kind: 'confused', reason: `RAKP 4: ${rakpStatusName(rakp4.status)}` };
  const sik = sessionIntegrityKey(hashed, key);
  if (!sameBytes(rakp4.code.subarray(0, suite.codeBytes), rakp4Code(hashed, sik)))
    return { kind: 'confused', reason: 'RAKP 4: code is wrong (a BMC key KG may be set)' };
  return { kind: 'open', consoleSessionId, managedSessionId, keys: sessionKeys(suite, sik), way };
}
