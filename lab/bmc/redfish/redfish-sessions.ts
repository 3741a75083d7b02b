import type { Random } from '../../../core/base/random.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';

/** Redfish logins: session tokens and Basic, against the same accounts as IPMI. */
export interface RedfishSession {
  readonly id: string;
  readonly token: string;
  readonly username: string;
  lastSeenMs: number;
}

export interface RedfishSessions {
  all(): readonly RedfishSession[];
  /** Undefined: wrong credentials; `full`: no slot is left. */
  login(username: unknown, password: unknown): RedfishSession | 'full' | undefined;
  /** The user id that a request speaks for. */
  authenticate(headers: { token: string | undefined; authorization: string | undefined }): number | undefined;
  close(id: string): boolean;
  clear(): void;
}

const SESSIONS_MAX = 32;
const IDLE_MS = 30 * 60_000;

export function createRedfishSessions(bmc: BmcModel, random: Random): RedfishSessions {
  const sessions = new Map<string, RedfishSession>();
  let lastId = 0;

  const findUser = (username: string): number => {
    const id = bmc.accounts.findIndex((account) => account.enabled && account.name !== '' && account.name === username);
    const privilege = bmc.accounts[id]?.privilege ?? PRIVILEGE.none;
    return privilege >= PRIVILEGE.user && privilege <= PRIVILEGE.administrator ? id : -1;
  };
  const checkPassword = (username: unknown, password: unknown): number | undefined => {
    if (typeof username !== 'string' || typeof password !== 'string') return undefined;
    const id = findUser(username);
    if (id >= 0 && bmc.accounts[id]!.password.equals(Buffer.from(password, 'latin1'))) return id;
    bmc.record('bmc.login-refused', `${bmc.name}: Redfish login refused`, { username }, 'warning');
    return undefined;
  };
  const expire = () => {
    for (const [id, session] of sessions) if (bmc.clock.nowMs() - session.lastSeenMs > IDLE_MS) sessions.delete(id);
  };

  return {
    all: () => [...sessions.values()],
    login(username, password) {
      if (checkPassword(username, password) === undefined) return undefined;
      expire();
      if (sessions.size >= SESSIONS_MAX || bmc.faults.happens('sessionRefusal')) return 'full';
      lastId += 1;
      const session = {
        id: String(lastId),
        token: random.bytes(20).toString('hex'),
        username: username as string,
        lastSeenMs: bmc.clock.nowMs(),
      };
      sessions.set(session.id, session);
      return session;
    },
    authenticate({ token, authorization }) {
      if (token) {
        expire();
        const session = [...sessions.values()].find((each) => each.token === token);
        if (!session) return undefined;
        session.lastSeenMs = bmc.clock.nowMs();
        const id = findUser(session.username);
        return id < 0 ? undefined : id;
      }
      const [, encoded] = /^Basic (\S+)$/i.exec(authorization ?? '') ?? [];
      if (!encoded) return undefined;
      const text = Buffer.from(encoded, 'base64').toString('latin1');
      const colon = text.indexOf(':');
      return colon < 0 ? undefined : checkPassword(text.slice(0, colon), text.slice(colon + 1));
    },
    close: (id) => sessions.delete(id),
    clear: () => sessions.clear(),
  };
}
