import { isMalformed } from '../../core/base/malformed.ts';
import { BmcError, type BmcAddress } from '../capability.ts';
import { CIPHER_SUITES, type CipherSuiteId } from './cipher-suite-codec.ts';
import { exchange } from './exchange.ts';
import type { EndpointDeps } from './ipmi-endpoint.ts';
import { openHandshake, type HandshakeOutcome } from './ipmi-handshake.ts';
import { createIpmiSession, type IpmiSession } from './ipmi-session.ts';
import type { Lane } from './ipmi-transport.ts';
import { decodeIpmi15, encodeIpmi15 } from './ipmi15-session-codec.ts';
import { decodeMessage, requestMessage, type IpmiRequest } from './message-codec.ts';
import {
  decodeAuthCapabilities,
  getAuthCapabilities,
  PRIVILEGE,
  setSessionPrivilege,
  THIS_CHANNEL,
  type AuthCapabilities,
} from './session-command-codec.ts';
import { PASSWORD_BYTES_MAX } from './user-codec.ts';
import { USERNAME_BYTES_MAX } from './rakp-codec.ts';

/** Finding a way in: capabilities, then cipher suite 17 before 3, administrator before operator, with a few fresh starts. */
export type SuiteCache = Map<string, CipherSuiteId>;

const HANDSHAKE_WAITS_MS: readonly number[] = [700, 1300, 2000];
const PRIVILEGE_WAITS_MS: readonly number[] = [500, 1000, 1500];
/** Lost and reordered packets can spoil a handshake whose password is right. */
const FRESH_STARTS_MAX = 4;
const SUITES_BY_PREFERENCE: readonly CipherSuiteId[] = [17, 3];
const PRIVILEGES = [PRIVILEGE.administrator, PRIVILEGE.operator] as const;

/** One command outside a session. `read` gets each answer, from its completion code on, until one makes sense; undefined: none did. */
export function requestOutside<Answer>(
  lane: Lane,
  request: IpmiRequest,
  read: (data: Buffer) => Answer | undefined,
  deps: Pick<EndpointDeps, 'clock' | 'random'>,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const sequence = deps.random.bytes(1)[0]! & 0x3f;
  const body = encodeIpmi15({ sequence: 0, sessionId: 0, payload: requestMessage(request, sequence) });
  return exchange(deps.clock, {
    waitsMs: HANDSHAKE_WAITS_MS,
    signal,
    listen: (offer) => lane.onPacket(offer),
    send: () => lane.send(body),
    match(bytes) {
      const packet = decodeIpmi15(bytes);
      const message = isMalformed(packet) ? packet : decodeMessage(packet.payload);
      const isAnswer = !isMalformed(message) && message.sequence === sequence && message.command === request.command;
      return isAnswer && message.netFn === (request.netFn | 1) && message.data.length > 0 ? read(message.data) : undefined;
    },
  });
}

/** Where LAN channels are, for BMCs that do not know "the channel this came in on". */
const CHANNELS: readonly number[] = [THIS_CHANNEL, 1, 2, 3, 6, 7, 8];
/** What a BMC that answers, and tells nothing of the sort, is taken for: the way in is tried (Asus P5M2, Sun ELOM). */
const UNTOLD: AuthCapabilities = { channel: 1, speaksIpmi20: false };

async function askCapabilities(lane: Lane, deps: EndpointDeps, signal: AbortSignal): Promise<AuthCapabilities | undefined> {
  for (const channel of CHANNELS) {
    const read = (data: Buffer): AuthCapabilities | 'refused' | undefined => {
      if (data[0] !== 0) return 'refused';
      const answer = decodeAuthCapabilities(data.subarray(1));
      return isMalformed(answer) ? undefined : answer;
    };
    const answer = await requestOutside(lane, getAuthCapabilities(PRIVILEGE.administrator, channel), read, deps, signal);
    if (answer !== 'refused') return answer;
  }
  return UNTOLD;
}

const REFUSALS: Readonly<Record<Exclude<HandshakeOutcome['kind'], 'open'>, { code: BmcError['code']; advice: string }>> = {
  'silent-suite': { code: 'timeout', advice: 'The BMC answers, but opens no session; restart it if this lasts.' },
  silent: { code: 'timeout', advice: 'The network loses packets or the BMC is overloaded; try again.' },
  'suite-refused': { code: 'unsupported', advice: 'Enable IPMI cipher suite 17 or 3 on the BMC, or use Redfish.' },
  'role-refused': { code: 'auth', advice: 'Give the BMC user operator or administrator rights on the LAN channel.' },
  'auth-refused': { code: 'auth', advice: 'Correct the user name or password; the user must be enabled for IPMI over LAN.' },
  'no-sessions': { code: 'busy', advice: 'All sessions of the BMC are taken; they end by themselves after a minute.' },
  confused: { code: 'protocol', advice: 'Try again; if it lasts, the BMC may have a KG key set, which is not supported.' },
};

type Handshaken = { outcome: HandshakeOutcome; privilege: number; suite: CipherSuiteId };

/** Tries privileges and fresh starts within one suite. */
async function handshakeWithSuite(
  lane: Lane,
  address: BmcAddress,
  suite: CipherSuiteId,
  deps: EndpointDeps,
  signal: AbortSignal,
): Promise<Handshaken> {
  const password = Buffer.from(address.password.reveal(), 'latin1');
  let last: Handshaken | undefined;
  for (const privilege of PRIVILEGES) {
    for (let start = 0; start < FRESH_STARTS_MAX; start++) {
      const leave = await deps.handshakes.enter(signal);
      const settings = {
        suite: CIPHER_SUITES[suite],
        username: address.username,
        password,
        privilege,
        waitsMs: HANDSHAKE_WAITS_MS,
      };
      const outcome = await openHandshake(lane, settings, deps, signal).finally(leave);
      last = { outcome, privilege, suite };
      if (outcome.kind !== 'silent' && outcome.kind !== 'confused') break;
    }
    if (last?.outcome.kind !== 'role-refused') break;
  }
  return last!;
}

function checkCredentials(address: BmcAddress): void {
  const tooLong =
    Buffer.byteLength(address.password.reveal(), 'latin1') > PASSWORD_BYTES_MAX
      ? `password is longer than ${PASSWORD_BYTES_MAX} bytes`
      : Buffer.byteLength(address.username) > USERNAME_BYTES_MAX
        ? `user name is longer than ${USERNAME_BYTES_MAX} bytes`
        : undefined;
  if (tooLong)
    throw new BmcError(
      'unsupported',
      `${address.host}: ${tooLong}, which IPMI cannot carry`,
      'Use Redfish for this BMC, or shorter credentials.',
    );
}

export async function openIpmiSession(
  lane: Lane,
  address: BmcAddress,
  deps: EndpointDeps,
  signal: AbortSignal,
): Promise<{ session: IpmiSession; channel: number }> {
  checkCredentials(address);
  deps.guard.check(address);
  const cacheKey = `${lane.host} ${lane.port}`;
  const capabilities = await askCapabilities(lane, deps, signal);
  if (!capabilities)
    throw new BmcError(
      'unreachable',
      `${address.host} does not answer IPMI on UDP port ${lane.port}`,
      'Check power, cable and address of the BMC, and that IPMI over LAN is enabled on it.',
    );
  const known = deps.suites.get(cacheKey);
  const suites = address.cipherSuite ? [address.cipherSuite] : [...new Set([...(known ? [known] : []), ...SUITES_BY_PREFERENCE])];
  let last: Handshaken | undefined;
  for (const suite of suites) {
    last = await handshakeWithSuite(lane, address, suite, deps, signal);
    const kind = last.outcome.kind;
    if (kind !== 'suite-refused' && kind !== 'silent-suite') break;
    deps.logger.debug(
      { host: address.host, suite, reason: 'reason' in last.outcome ? last.outcome.reason : '' },
      'cipher suite not accepted',
    );
  }
  const { outcome, privilege, suite } = last!;
  if (outcome.kind !== 'open') {
    if (outcome.kind === 'auth-refused') deps.guard.failed(address);
    if (!capabilities.speaksIpmi20 && outcome.kind === 'silent-suite')
      throw new BmcError('unsupported', `${address.host} speaks only IPMI 1.5`, 'Enable IPMI 2.0 (RMCP+) on the BMC, or use Redfish.');
    const { code, advice } = REFUSALS[outcome.kind];
    throw new BmcError(code, `${address.host}: ${outcome.reason}`, advice);
  }
  deps.guard.succeeded(address);
  deps.suites.set(cacheKey, suite);
  if (outcome.way.variant !== 'standard' || outcome.way.isPasswordShortened)
    deps.logger.debug({ host: address.host, ...outcome.way }, 'the BMC makes its codes in a way of its own');
  const session = createIpmiSession(lane, outcome, deps);
  const raised = await session.request(setSessionPrivilege(privilege), PRIVILEGE_WAITS_MS, signal).catch((error: unknown) => {
    void session.close();
    throw error;
  });
  if (raised?.[0] !== 0) {
    void session.close();
    throw raised
      ? new BmcError(
          'auth',
          `${address.host}: session privilege was not granted`,
          'Give the BMC user administrator rights on the LAN channel.',
        )
      : new BmcError('timeout', `${address.host}: a new session fell silent`, 'Try again.');
  }
  return { session, channel: capabilities.channel };
}
