import { Readable } from 'node:stream';
import { Agent, request as httpRequest } from 'undici';
import type { Clock } from '../../core/base/clock.ts';
import { parseStorable, type Json, type JsonObject } from '../../core/base/json.ts';
import { BmcError, type BmcAddress } from '../capability.ts';
import type { BmcTaskState } from '../task.ts';
import { createGate } from '../../core/base/gate.ts';
import type { LockoutGuard } from '../shared/lockout-guard.ts';
import { createRequestBudget } from '../shared/request-budget.ts';
import { isJsonObject } from './json-codec.ts';
import { explainRedfishError } from './redfish-error-codec.ts';

/**
 * HTTP to one Redfish service: a session token (Basic where there is no SessionService), a new login after 401, ETags
 * on changes, tasks followed to their end, redirects followed on the same host.
 */
export interface RedfishHttp {
  get(path: string, signal: AbortSignal): Promise<JsonObject>;
  post(path: string, body: JsonObject, signal: AbortSignal): Promise<JsonObject>;
  /**
   * Sends the ETag of the resource as it is now; once more when the BMC says that it has changed meanwhile, and then
   * without one: some refuse their own ETags. One that wants an ETag and has none gets `*`.
   */
  patch(path: string, body: JsonObject, signal: AbortSignal): Promise<void>;
  /** Does not wait for a task that the request started. */
  start(method: 'POST' | 'DELETE' | 'PATCH', path: string, body: JsonObject | undefined, signal: AbortSignal): Promise<Started>;
  /** A body that is made as it is sent, on a connection of its own; never sent twice. */
  upload(path: string, body: Upload, signal: AbortSignal): Promise<Started>;
  taskState(id: string, signal: AbortSignal): Promise<BmcTaskState>;
  /** A reply without an end, on a connection of its own, until the signal aborts. Reading throws a BmcError when it breaks. */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  readonly origin: string;
  close(): Promise<void>;
}

export interface Upload {
  readonly contentType: string;
  /** In bytes: web servers of BMCs rarely take a body without it. */
  readonly length: number;
  /** A BmcError that it throws is the upload's. */
  readonly bytes: AsyncIterable<Buffer>;
}

export interface Started {
  readonly body: JsonObject;
  /** Path of the task or its monitor; undefined: the work is over. */
  readonly task: string | undefined;
  /** Path of what was made. */
  readonly location: string | undefined;
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: JsonObject;
}

interface Auth {
  readonly headers: Readonly<Record<string, string>>;
  /** Path of the session resource; undefined with Basic. */
  readonly sessionPath?: string;
}

/** Services let idle sessions go after 5 to 30 minutes; until then every request carries the password. */
const SESSIONS_FULL_MS = 5 * 60_000;
export const SESSIONS_PATH = '/redfish/v1/SessionService/Sessions';
/** Real BMCs take 1-2 s for a resource, some 20 s: only connecting has a short limit, the rest is the caller's deadline. */
const CONNECT_TIMEOUT_MS = 10_000;
const REPLY_BYTES_MAX = 4 * 1024 * 1024;
/** A BMC's web server takes few requests at once. */
const REQUESTS_AT_ONCE = 4;
const TASK_PAUSE_FIRST_MS = 500;
const TASK_PAUSE_MAX_MS = 10_000;
const BUSY_TRIES_MAX = 4;
const BUSY_PAUSE_MS = 1_500;
/** A web server on a small processor drops connections under load, and an idle one may close as we send. */
const BROKEN_TRIES_MAX = 5;
const BROKEN_PAUSE_MS = 300;
const BROKEN_CONNECTION = /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$/;

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | undefined)?.code ?? '');
const isBroken = (error: unknown): boolean => error instanceof BmcError && BROKEN_CONNECTION.test(codeOf(error.cause));
const PRECONDITION_FAILED = 412;
const PRECONDITION_REQUIRED = 428;
const REDIRECTS_MAX = 3;
const REDIRECTS = new Set([301, 302, 307, 308]);
/** A job that is scheduled for the next start (iDRAC) stands so until then. */
const TASK_WAITING = new Set(['New', 'Pending']);
const TASK_RUNNING = new Set(['New', 'Pending', 'Starting', 'Running', 'Service', 'Stopping', 'Suspended', 'Interrupted']);

const headerOf = (reply: Reply, name: string): string | undefined => {
  const value = reply.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

function parseBody(text: string, host: string): JsonObject {
  if (text.trim() === '') return {};
  try {
    const body = parseStorable(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch (cause) {
    throw new BmcError('protocol', `${host}: the reply is not JSON`, 'Check that the address is a BMC with Redfish.', {
      cause,
    });
  }
  throw new BmcError('protocol', `${host}: the reply is not a JSON object`, 'Check that the address is a BMC with Redfish.');
}

/** With a pinned certificate its name is not checked: BMCs rarely carry their own address in it. It may be one that somebody else has signed. */
const tlsOptions = (trust: BmcAddress['trust']) =>
  trust === false
    ? { rejectUnauthorized: false }
    : typeof trust === 'string'
      ? { ca: trust, allowPartialTrustChain: true, checkServerIdentity: () => undefined }
      : {};

export function createRedfishHttp(address: BmcAddress, deps: { clock: Clock; guard: LockoutGuard }): RedfishHttp {
  const { host } = address;
  const scheme = address.scheme ?? 'https';
  const origin = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port ?? (scheme === 'https' ? 443 : 80)}`;
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, ...tlsOptions(address.trust) },
    connections: REQUESTS_AT_ONCE,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  /** Streams last for days: they take no connection from requests. */
  const streams = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS, ...tlsOptions(address.trust) }, headersTimeout: 0, bodyTimeout: 0 });
  const budget = createRequestBudget(deps.clock);
  const gate = createGate(REQUESTS_AT_ONCE);
  let auth: Promise<Auth> | undefined;
  let loginAgainAtMs: number | undefined;

  /** The same request where the BMC sends us, on the same host only: the token goes along. */
  const transfer: typeof transferOnce = async (method, path, headers, body, signal) => {
    let at = path;
    for (let redirects = 0; ; redirects += 1) {
      const reply = await transferOnce(method, at, headers, body, signal);
      const to = REDIRECTS.has(reply.status) ? headerOf(reply, 'location') : undefined;
      if (to === undefined || redirects >= REDIRECTS_MAX) return reply;
      const url = new URL(to, `${origin}${at}`);
      if (url.host !== new URL(origin).host)
        throw new BmcError('refused', `${host}: the BMC sends us to ${url.host}`, 'Give the BMC its real address in driver_info.');
      at = `${url.pathname}${url.search}`;
    }
  };

  const transferOnce = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    headers: Readonly<Record<string, string>>,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<Reply> => {
    await budget.take(signal);
    const leave = await gate.enter(signal);
    try {
      const reply = await httpRequest(`${origin}${path}`, {
        method,
        dispatcher: agent,
        signal,
        headers: {
          accept: 'application/json',
          'odata-version': '4.0',
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...headers,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const isJson = reply.statusCode < 300 && reply.statusCode !== 204;
      const text = await readText(reply.body, host, path);
      return { status: reply.statusCode, headers: reply.headers, body: isJson ? parseBody(text, host) : safeBody(text) };
    } catch (error) {
      throw asBmcError(error, signal);
    } finally {
      leave();
    }
  };

  /** Again when the connection breaks: for what may be asked twice. */
  const unbroken = async (signal: AbortSignal, work: () => Promise<Reply>): Promise<Reply> => {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (!isBroken(error) || tries >= BROKEN_TRIES_MAX) throw error;
        await deps.clock.sleep(BROKEN_PAUSE_MS, signal);
      }
    }
  };

  const safeBody = (text: string): JsonObject => {
    try {
      return parseBody(text, host);
    } catch {
      // An error page in HTML says nothing that the status does not.
      return {};
    }
  };

  const asBmcError = (error: unknown, signal: AbortSignal): BmcError => {
    if (error instanceof BmcError) return error;
    if (signal.aborted)
      return new BmcError('timeout', `${host}: no answer within the time allowed`, 'Check the BMC network, or allow more time.', {
        cause: error,
      });
    const { code, message } = error as NodeJS.ErrnoException;
    const certificate = /CERT|SELF_SIGNED|ERR_TLS/.test(code ?? '');
    return certificate
      ? new BmcError(
          'refused',
          `${host}: the certificate is not trusted (${code})`,
          "Give the BMC's certificate as `trust`, or false to accept any.",
          { cause: error },
        )
      : new BmcError(
          'unreachable',
          BROKEN_CONNECTION.test(code ?? '')
            ? `${host}: the BMC closed the connection before it had answered`
            : `${host}: ${code ?? message}`,
          'Check power, cable and address of the BMC, and that Redfish is enabled on it.',
          { cause: error },
        );
  };

  const openStream = async (path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> => {
    for (let relogins = 0; ; relogins += 1) {
      const mine = authenticate(signal);
      const { headers, sessionPath } = await mine;
      const reply = await httpRequest(`${origin}${path}`, {
        dispatcher: streams,
        signal,
        headers: { accept: 'text/event-stream', ...headers },
      });
      if (reply.statusCode === 200) return readStream(reply.body, (error) => asBmcError(error, signal));
      await reply.body.dump();
      if (reply.statusCode !== 401 || relogins > 0 || sessionPath === undefined)
        throw refuse({ status: reply.statusCode, headers: reply.headers, body: {} }, `stream ${path}`);
      if (auth === mine) auth = undefined;
    }
  };
  const refuse = (reply: Reply, what: string): BmcError => {
    const { code, advice } = explainRedfishError(reply.status);
    const detail = messageOf(reply.body);
    return new BmcError(code, `${host}: ${what}: HTTP ${reply.status}${detail ? `: ${detail}` : ''}`, advice);
  };

  const basicAuth = (): Auth => {
    const text = Buffer.from(`${address.username}:${address.password.reveal()}`).toString('base64');
    return { headers: { authorization: `Basic ${text}` } };
  };

  const login = async (signal: AbortSignal): Promise<Auth> => {
    deps.guard.check(address);
    const body = { UserName: address.username, Password: address.password.reveal() };
    const reply = await unbroken(signal, () => transfer('POST', SESSIONS_PATH, {}, body, signal));
    const token = headerOf(reply, 'x-auth-token');
    if (reply.status < 300 && token) {
      deps.guard.succeeded(address);
      const location = headerOf(reply, 'location') ?? (reply.body['@odata.id'] as string | undefined);
      return { headers: { 'x-auth-token': token }, ...(location ? { sessionPath: new URL(location, origin).pathname } : {}) };
    }
    if (reply.status === 401 || reply.status === 403 || reply.status === 400) {
      deps.guard.failed(address);
      throw new BmcError(
        'auth',
        `${host}: login of ${address.username} was refused (HTTP ${reply.status})`,
        'Correct the user name or password; the user must be enabled for Redfish.',
      );
    }
    // All sessions are taken, perhaps by processes of ours that were killed: go without one for a while (DSP0266, 13.3).
    if (reply.status === 503) loginAgainAtMs = deps.clock.nowMs() + SESSIONS_FULL_MS;
    return basicAuth();
  };

  const authenticate = (signal: AbortSignal): Promise<Auth> => {
    if (loginAgainAtMs !== undefined && deps.clock.nowMs() >= loginAgainAtMs) {
      loginAgainAtMs = undefined;
      auth = undefined;
    }
    if (!auth) {
      auth = login(signal);
      auth.catch(() => (auth = undefined));
    }
    return auth;
  };

  const send = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body: JsonObject | undefined,
    extra: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Reply> => {
    for (let tries = 1, relogins = 0; ; tries++) {
      deps.guard.check(address);
      const mine = authenticate(signal);
      const { headers } = await mine;
      const once = () => transfer(method, path, { ...headers, ...extra }, body, signal);
      // A change whose answer is lost may have been made: only the caller knows whether to make it again.
      const reply = await (method === 'GET' ? unbroken(signal, once) : once());
      if (reply.status === 401 && relogins === 0 && (await mine).sessionPath !== undefined) {
        // The session ran out or the BMC restarted: one new login, shared by all waiting requests.
        relogins += 1;
        if (auth === mine) auth = undefined;
        continue;
      }
      if (reply.status === 401) deps.guard.failed(address);
      if (reply.status !== 503 || tries >= BUSY_TRIES_MAX) return reply;
      await deps.clock.sleep(BUSY_PAUSE_MS, signal);
    }
  };

  /** Follows a task monitor until it is done; its last answer stands for the request's. */
  const followTask = async (monitor: string, signal: AbortSignal): Promise<Reply> => {
    const { pathname, search } = new URL(monitor, origin);
    for (let pauseMs = TASK_PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, TASK_PAUSE_MAX_MS)) {
      await deps.clock.sleep(pauseMs, signal);
      const reply = await send('GET', `${pathname}${search}`, undefined, {}, signal);
      const state = reply.body['TaskState'];
      const running = reply.status === 202 || (typeof state === 'string' && TASK_RUNNING.has(state));
      if (running) continue;
      if (typeof state === 'string' && state !== 'Completed')
        throw new BmcError('refused', `${host}: task ended as ${state}: ${messageOf(reply.body)}`, "Read the task's messages on the BMC.");
      return reply;
    }
  };

  const monitorOf = (reply: Reply): string | undefined =>
    reply.status === 202 ? (headerOf(reply, 'location') ?? (reply.body['@odata.id'] as string | undefined)) : undefined;

  const finish = async (reply: Reply, what: string, signal: AbortSignal): Promise<JsonObject> => {
    const monitor = monitorOf(reply);
    const last = monitor ? await followTask(monitor, signal) : reply;
    if (last.status >= 300) throw refuse(last, what);
    return last.body;
  };

  const pathOf = (location: string): string => {
    const { pathname, search } = new URL(location, origin);
    return `${pathname}${search}`;
  };

  const sendPatch = async (path: string, body: JsonObject, signal: AbortSignal): Promise<Reply> => {
    const attempt = async (withEtag: boolean, otherwise: Readonly<Record<string, string>> = {}) => {
      if (!withEtag) return send('PATCH', path, body, otherwise, signal);
      const now = await send('GET', path, undefined, {}, signal);
      const etag = headerOf(now, 'etag') ?? (now.body['@odata.etag'] as string | undefined);
      return send('PATCH', path, body, etag ? { 'if-match': etag } : otherwise, signal);
    };
    let reply = await attempt(true);
    if (reply.status === PRECONDITION_FAILED) reply = await attempt(true);
    if (reply.status === PRECONDITION_FAILED) reply = await attempt(false);
    return reply.status === PRECONDITION_REQUIRED ? attempt(false, { 'if-match': '*' }) : reply;
  };

  const started = (reply: Reply, what: string): Started => {
    if (reply.status >= 300) throw refuse(reply, what);
    const monitor = monitorOf(reply);
    const location = headerOf(reply, 'location');
    return {
      body: reply.body,
      task: monitor === undefined ? undefined : pathOf(monitor),
      location: location === undefined ? undefined : pathOf(location),
    };
  };

  const sendUpload = async (path: string, { contentType, length, bytes }: Upload, signal: AbortSignal): Promise<Reply> => {
    // The session is fresh: what leads here has just been read with it.
    const { headers } = await authenticate(signal);
    const reply = await httpRequest(`${origin}${path}`, {
      method: 'POST',
      dispatcher: streams,
      signal,
      headers: { accept: 'application/json', 'content-type': contentType, 'content-length': String(length), ...headers },
      body: Readable.from(bytes, { objectMode: false }),
    });
    return { status: reply.statusCode, headers: reply.headers, body: safeBody(await readText(reply.body, host, path)) };
  };

  const wrap = async <Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw asBmcError(error, signal);
    }
  };

  return {
    origin,
    get: (path, signal) => wrap(signal, async () => finish(await send('GET', path, undefined, {}, signal), `GET ${path}`, signal)),
    post: (path, body, signal) => wrap(signal, async () => finish(await send('POST', path, body, {}, signal), `POST ${path}`, signal)),
    patch: (path, body, signal) =>
      wrap(signal, async () => void (await finish(await sendPatch(path, body, signal), `PATCH ${path}`, signal))),
    start: (method, path, body, signal) =>
      wrap(signal, async () => {
        const reply = method === 'PATCH' ? await sendPatch(path, body ?? {}, signal) : await send(method, path, body, {}, signal);
        return started(reply, `${method} ${path}`);
      }),
    upload: (path, body, signal) => wrap(signal, async () => started(await sendUpload(path, body, signal), `upload to ${path}`)),
    stream: (path, signal) => wrap(signal, () => openStream(path, signal)),
    taskState: (id, signal) =>
      wrap(signal, async () => {
        const reply = await send('GET', id, undefined, {}, signal);
        if (reply.status >= 300) return { state: 'failed', message: refuse(reply, `task ${id}`).message };
        return taskStateOf(reply);
      }),
    async close() {
      const open = await auth?.catch(() => undefined);
      auth = undefined;
      if (open?.sessionPath)
        await transfer('DELETE', open.sessionPath, open.headers, undefined, AbortSignal.timeout(2_000)).catch(() => undefined);
      await Promise.all([agent.destroy(), streams.destroy()]);
    },
  };
}

async function readText(body: AsyncIterable<unknown>, host: string, path: string): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    size += (piece as Buffer).length;
    if (size > REPLY_BYTES_MAX)
      throw new BmcError(
        'protocol',
        `${host}: reply of ${path} is larger than ${REPLY_BYTES_MAX} bytes`,
        'Check that the address is a BMC.',
      );
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces).toString();
}

async function* readStream(body: AsyncIterable<unknown>, toError: (error: unknown) => BmcError): AsyncIterable<Buffer> {
  try {
    for await (const piece of body) yield piece as Buffer;
  } catch (error) {
    throw toError(error);
  }
}

/** A task resource, or a task monitor's answer: 202 while it runs, what the request would have answered afterwards. */
function taskStateOf(reply: Reply): BmcTaskState {
  const state = reply.body['TaskState'];
  const percent = reply.body['PercentComplete'];
  const health = reply.body['TaskStatus'];
  const isRunning = reply.status === 202 || (typeof state === 'string' && TASK_RUNNING.has(state));
  const hasFailed = !isRunning && typeof state === 'string' && (state !== 'Completed' || health === 'Critical');
  return {
    state: isRunning ? 'running' : hasFailed ? 'failed' : 'completed',
    ...(typeof percent === 'number' ? { percent } : {}),
    ...(isRunning && TASK_WAITING.has(String(state)) ? { waitsForStart: true } : {}),
    message: messageOf(reply.body) || String(state ?? ''),
  };
}

/** The most telling message of a Redfish error or task: what went wrong before what went well. */
function messageOf(body: JsonObject): string {
  const error = (body['error'] ?? body) as JsonObject;
  const list = (error['@Message.ExtendedInfo'] ?? error['Messages']) as Json | undefined;
  const all = Array.isArray(list) ? list.filter(isJsonObject) : [];
  const isBad = (each: JsonObject) => !['OK', undefined].includes((each['MessageSeverity'] ?? each['Severity']) as string | undefined);
  const first = all.find(isBad) ?? all[0];
  return String(first?.['Message'] ?? first?.['MessageId'] ?? error['message'] ?? '');
}
