import type { JsonObject } from '../../core/base/json.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';

/** The Bare Metal API for commands: a refusal becomes the command's error, in the API's own words. */
export interface ProductClient {
  call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<JsonObject>;
}

const CALL_MS_MAX = 30_000;

export function createProductClient(login: {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
}): ProductClient {
  const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  return {
    async call(method, path, body) {
      const response = await fetch(`${login.endpoint}/v1${path}`, {
        method,
        signal: AbortSignal.timeout(CALL_MS_MAX),
        headers: {
          authorization,
          'x-openstack-ironic-api-version': 'latest',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).catch((cause: Error) => {
        throw new CommandError(
          `no answer from ${login.endpoint}: ${(cause.cause as Error | undefined)?.message ?? cause.message}`,
          EXIT_CODE.unreachable,
          'is `rackwright serve` running there?',
        );
      });
      const text = await response.text();
      if (!response.ok) throw new CommandError(faultOf(text, response.status), EXIT_CODE.failed);
      return text === '' ? {} : (JSON.parse(text) as JsonObject);
    },
  };
}

function faultOf(text: string, status: number): string {
  try {
    const { error_message } = JSON.parse(text) as { error_message: string };
    return (JSON.parse(error_message) as { faultstring: string }).faultstring;
  } catch {
    return `the API answered ${status}`;
  }
}
