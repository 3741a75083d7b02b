import type { JsonObject } from '../../core/base/json.ts';

/** The lab's only way to the product: its HTTP API, as any operator's tool would use it. */
export interface ProductClient {
  get(path: string): Promise<JsonObject>;
  send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<JsonObject>;
  /** One try of a change: the answer's status and text, or undefined when there is no answer. */
  attempt(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<{ status: number; message: string } | undefined>;
  /** One try; undefined when there is no answer. */
  look(path: string): Promise<JsonObject | undefined>;
  isReady(): Promise<boolean>;
  /** The feed from its beginning until it falls silent. */
  eventsSoFar(): Promise<JsonObject[]>;
}

export interface ProductClientSettings {
  readonly endpoint: string;
  readonly login: () => Promise<{ username: string; password: string }>;
  /** How long a call is tried again when the API is away; 0: not at all. */
  readonly patienceMs: number;
}

/** The lab belongs to the control plane that it starts: it speaks the same version of the API. */
const LATEST = { 'x-openstack-ironic-api-version': 'latest' } as const;
const CALL_MS_MAX = 30_000;
const TRY_AGAIN_MS = 500;
const READY_MS_MAX = 2_000;
/** The feed has no end; what comes later than this is not "so far". */
const FEED_MS = 3_000;

/** The product said no. Its 5xx, and anything that is no answer, is an API that is away. */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const isAway = (error: unknown) => !(error instanceof Refused) || error.status >= 500;
/** A second try of what the first has already done: the API is where it was wanted. */
const isDoneAlready = (error: unknown) => error instanceof Refused && (error.status === 400 || error.status === 409);

export function createProductClient(settings: ProductClientSettings): ProductClient {
  const { endpoint, login, patienceMs } = settings;
  const authorization = async () => {
    const { username, password } = await login();
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  };
  async function call(method: string, path: string, body?: unknown): Promise<JsonObject> {
    const response = await fetch(`${endpoint}/baremetal/v1${path}`, {
      method,
      signal: AbortSignal.timeout(CALL_MS_MAX),
      headers: { ...LATEST, authorization: await authorization(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Refused(response.status, `${method} ${path}: ${response.status} ${faultOf(text)}`);
    return text === '' ? {} : (JSON.parse(text) as JsonObject);
  }
  async function patiently(method: string, path: string, body?: unknown): Promise<JsonObject> {
    const giveUpAt = Date.now() + patienceMs;
    let wasAway = false;
    for (;;) {
      try {
        return await call(method, path, body);
      } catch (error) {
        if (wasAway && method === 'PUT' && isDoneAlready(error)) return {};
        if (!isAway(error) || Date.now() >= giveUpAt) throw error;
        wasAway = true;
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      }
    }
  }
  return {
    get: (path) => patiently('GET', path),
    send: patiently,
    attempt: (method, path, body) =>
      call(method, path, body).then(
        () => ({ status: 200, message: '' }),
        (error: unknown) => (error instanceof Refused ? { status: error.status, message: error.message } : undefined),
      ),
    look: (path) => call('GET', path).catch(() => undefined),
    isReady: () =>
      fetch(`${endpoint}/healthz`, { signal: AbortSignal.timeout(READY_MS_MAX) }).then(
        (response) => response.ok,
        () => false,
      ),
    async eventsSoFar() {
      const response = await fetch(`${endpoint}/baremetal/v1/events?after=0`, {
        headers: { authorization: await authorization() },
        signal: AbortSignal.timeout(FEED_MS),
      });
      let text = '';
      try {
        for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
      } catch {
        // The time limit is the only end that a feed has.
      }
      return text
        .split('\n')
        .filter((line) => line.startsWith('data: ') && line.endsWith('}'))
        .map((line) => JSON.parse(line.slice(6)) as JsonObject);
    },
  };
}

function faultOf(text: string): string {
  try {
    const { error_message } = JSON.parse(text) as { error_message?: string };
    return (JSON.parse(error_message ?? '{}') as { faultstring?: string }).faultstring ?? text;
  } catch {
    return text.slice(0, 500);
  }
}
