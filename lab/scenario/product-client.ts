import type { JsonObject } from '../../core/base/json.ts';

/** The lab's only way to the product: its HTTP API, as any operator's tool would use it. */
export interface ProductClient {
  get(path: string): Promise<JsonObject>;
  send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<JsonObject>;
  isReady(): Promise<boolean>;
}

const CALL_MS_MAX = 30_000;

export function createProductClient(endpoint: string, login: () => Promise<{ username: string; password: string }>): ProductClient {
  async function call(method: string, path: string, body?: unknown): Promise<JsonObject> {
    const { username, password } = await login();
    const response = await fetch(`${endpoint}/baremetal/v1${path}`, {
      method,
      signal: AbortSignal.timeout(CALL_MS_MAX),
      headers: {
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
        'x-openstack-ironic-api-version': 'latest',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${faultOf(text)}`);
    return text === '' ? {} : (JSON.parse(text) as JsonObject);
  }
  return {
    get: (path) => call('GET', path),
    send: call,
    isReady: () =>
      fetch(`${endpoint}/healthz`, { signal: AbortSignal.timeout(2000) }).then(
        (response) => response.ok,
        () => false,
      ),
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
