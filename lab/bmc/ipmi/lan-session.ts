import { acceptSequence, freshWindow, nextSequence, type SequenceWindow } from '../../../bmc/ipmi/sequence-window-codec.ts';
import type { CipherSuite, SessionKeys } from '../../../bmc/ipmi/cipher-suite-codec.ts';
import type { RakpExchange } from '../../../bmc/ipmi/rakp-codec.ts';
import type { SolEndpoint } from './sol-endpoint.ts';

export interface Remote {
  readonly address: string;
  readonly port: number;
}

/** One session of the LAN server, from Open Session to its end. */
export interface LanSession {
  readonly managedSessionId: number;
  readonly consoleSessionId: number;
  readonly handle: number;
  readonly suite: CipherSuite;
  readonly privilegeLimit: number;
  remote: Remote;
  stage: 'opened' | 'challenged' | 'active';
  exchange: RakpExchange | undefined;
  userId: number;
  privilegeMax: number;
  privilege: number;
  keys: SessionKeys | undefined;
  received: SequenceWindow;
  sent: number;
  lastSeenMs: number;
  /** The handshake message answered last and its answer: a repeat gets the same bytes, never new random numbers. */
  handshake: { readonly request: Buffer; readonly reply: Buffer } | undefined;
  /** The last command's bytes and reply: a repeated command (same sequence number) is not carried out twice. */
  lastCommand: { readonly request: Buffer; readonly reply: Buffer; readonly atMs: number } | undefined;
  sol: SolEndpoint | undefined;
}

export const takeSequence = (session: LanSession): number => (session.sent = nextSequence(session.sent));

export function acceptInSession(session: LanSession, sequence: number): boolean {
  const window = acceptSequence(session.received, sequence);
  if (!window) return false;
  session.received = window;
  return true;
}

export interface SessionTable {
  find(managedSessionId: number): LanSession | undefined;
  /** Undefined when the BMC is out of sessions. */
  open(settings: {
    consoleSessionId: number;
    suite: CipherSuite;
    privilegeLimit: number;
    remote: Remote;
    managedSessionId: number;
  }): LanSession | undefined;
  close(managedSessionId: number): boolean;
  all(): readonly LanSession[];
}

/** As many as a generous real BMC has. */
export const SESSIONS_MAX = 16;
/** §6.12.15: 60 s without a packet ends a session. */
const IDLE_MS = 60_000;
/** A handshake not finished by then is forgotten first. */
const HANDSHAKE_MS = 20_000;

export function createSessionTable(nowMs: () => number, firstSequence = 1): SessionTable {
  const sessions = new Map<number, LanSession>();
  let lastHandle = 0;
  const close = (id: number): boolean => {
    sessions.get(id)?.sol?.close();
    return sessions.delete(id);
  };
  const expire = () => {
    for (const session of sessions.values()) {
      const limit = session.stage === 'active' ? IDLE_MS : HANDSHAKE_MS;
      if (nowMs() - session.lastSeenMs > limit) close(session.managedSessionId);
    }
  };
  return {
    find: (id) => sessions.get(id),
    open(settings) {
      expire();
      if (sessions.size >= SESSIONS_MAX) return undefined;
      lastHandle = (lastHandle % 255) + 1;
      const session: LanSession = {
        ...settings,
        handle: lastHandle,
        stage: 'opened',
        exchange: undefined,
        userId: 0,
        privilegeMax: 0,
        privilege: 0,
        keys: undefined,
        received: freshWindow,
        sent: firstSequence - 1,
        lastSeenMs: nowMs(),
        handshake: undefined,
        lastCommand: undefined,
        sol: undefined,
      };
      sessions.set(settings.managedSessionId, session);
      return session;
    },
    close,
    all: () => [...sessions.values()],
  };
}
