import type { JsonObject } from '../../core/base/json.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';

/** The Bare Metal API for commands: a refusal becomes the command's error, in the API's own words. */
export interface ProductClient {
  /** Base of the service, `http://H:P/baremetal`. */
  readonly endpoint: string;
  /** What proves who asks: for streams, which are opened without `call`. */
  readonly loginHeaders: Readonly<Record<string, string>>;
  call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<JsonObject>;
}

export interface BasicLogin {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
}

/** The `OS_…` variables of OpenStack's clients. */
export interface PasswordLogin extends Omit<BasicLogin, 'endpoint'> {
  readonly authUrl: string;
  readonly projectName: string;
  readonly userDomainName: string;
  readonly projectDomainName: string;
}

/** These commands are of the server's own version. */
export const LATEST = { 'x-openstack-ironic-api-version': 'latest' } as const;

const CALL_MS_MAX = 30_000;

const reach = async (url: string, init: RequestInit): Promise<Response> =>
  fetch(url, { ...init, signal: AbortSignal.timeout(CALL_MS_MAX) }).catch((cause: Error) => {
    throw new CommandError(
      `no answer from ${url}: ${(cause.cause as Error | undefined)?.message ?? cause.message}`,
      EXIT_CODE.unreachable,
      'is `rackwright serve` running there?',
    );
  });

export const loginBasic = (login: BasicLogin): ProductClient =>
  createProductClient(login.endpoint, {
    authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`,
  });

/** Identity v3: a token for the project, and the service's endpoint from its catalog. */
export async function loginWithPassword(login: PasswordLogin): Promise<ProductClient> {
  const { username, password, userDomainName, projectName, projectDomainName } = login;
  const response = await reach(`${login.authUrl.replace(/\/+$/, '')}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name: username, password, domain: { name: userDomainName } } } },
        scope: { project: { name: projectName, domain: { name: projectDomainName } } },
      },
    }),
  });
  const token = response.headers.get('x-subject-token');
  if (!response.ok || token === null)
    throw new CommandError(
      `the login of ${username} at ${login.authUrl} was refused (${response.status})`,
      EXIT_CODE.failed,
      'check the OS_… variables',
    );
  const { token: told } = (await response.json()) as {
    token: { catalog: { type: string; endpoints: { interface: string; url: string }[] }[] };
  };
  const endpoint = told.catalog.find(({ type }) => type === 'baremetal')?.endpoints.find((each) => each.interface === 'public')?.url;
  if (endpoint === undefined) throw new CommandError('the catalog has no bare metal service', EXIT_CODE.failed);
  return createProductClient(endpoint.replace(/\/v1\/?$/, ''), { 'x-auth-token': token });
}

function createProductClient(endpoint: string, loginHeaders: Record<string, string>): ProductClient {
  return {
    endpoint,
    loginHeaders,
    async call(method, path, body) {
      const response = await reach(`${endpoint}/v1${path}`, {
        method,
        headers: {
          ...loginHeaders,
          ...LATEST,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new CommandError(faultOf(text, response.status), exitCodeOf(response.status));
      return text === '' ? {} : parseAnswer(text, endpoint);
    },
  };
}

/** A device or a database that does not answer now is a 503 of the API; the others are what stands between. */
const exitCodeOf = (status: number) => ([502, 503, 504].includes(status) ? EXIT_CODE.unreachable : EXIT_CODE.failed);

function parseAnswer(text: string, endpoint: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    throw new CommandError(`what answers at ${endpoint} is no bare metal service`, EXIT_CODE.unreachable, 'check the address');
  }
}

function faultOf(text: string, status: number): string {
  try {
    const { error_message } = JSON.parse(text) as { error_message: string | { faultstring: string } };
    // Old clients get the fault as text in text.
    const fault = typeof error_message === 'string' ? (JSON.parse(error_message) as { faultstring: string }) : error_message;
    return fault.faultstring;
  } catch {
    return `the API answered ${status}`;
  }
}
