import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../core/base/json.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** A control plane of its own and its Bare Metal API, spoken to at a microversion. */
export interface Rig {
  readonly serve: ServeProcess;
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  /** The same, and the status has to be this. */
  expect(status: number, method: string, path: string, body?: unknown, options?: CallOptions): Promise<JsonObject>;
  /** A fake node in this provision state. */
  node(state?: 'enroll' | 'manageable' | 'available' | 'active', fields?: JsonObject): Promise<string>;
  verb(node: string, target: string, state: string, body?: JsonObject): Promise<JsonObject>;
  until(node: string, wanted: (shown: JsonObject) => boolean): Promise<JsonObject>;
  stop(): Promise<void>;
}
export interface CallOptions {
  /** Minor number; default: the latest. */
  readonly version?: number;
  readonly headers?: Record<string, string>;
}
export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers: Headers;
}

const UNTIL_MS_MAX = 120_000;

export async function startRig(args: readonly string[] = []): Promise<Rig> {
  const data = mkdtempSync(join(tmpdir(), 'rackwright-baremetal-'));
  const serve = await startServe(data, { args });
  const call: Rig['call'] = (method, path, body, options = {}) =>
    serve.call(method, `/baremetal${path}`, body, {
      'x-openstack-ironic-api-version': options.version === undefined ? 'latest' : `1.${options.version}`,
      ...options.headers,
    });
  const expect: Rig['expect'] = async (status, method, path, body, options) => {
    const answer = await call(method, path, body, options);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const until: Rig['until'] = async (node, wanted) => {
    const giveUpAt = Date.now() + UNTIL_MS_MAX;
    for (;;) {
      const shown = await expect(200, 'GET', `/v1/nodes/${node}`);
      if (wanted(shown)) return shown;
      assert.ok(Date.now() < giveUpAt, `${node} did not get there: ${JSON.stringify(shown)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const verb: Rig['verb'] = async (node, target, state, body = {}) => {
    await expect(202, 'PUT', `/v1/nodes/${node}/states/provision`, { target, ...body });
    return until(node, (shown) => shown['provision_state'] === state && shown['reservation'] === null);
  };
  return {
    serve,
    call,
    expect,
    until,
    verb,
    async node(state = 'enroll', fields = {}) {
      const { uuid } = await expect(201, 'POST', '/v1/nodes', { driver: 'fake-hardware', ...fields });
      const id = String(uuid);
      if (state === 'enroll') return id;
      await verb(id, 'manage', 'manageable');
      if (state === 'manageable') return id;
      await verb(id, 'provide', 'available');
      if (state === 'active') await verb(id, 'active', 'active');
      return id;
    },
    async stop() {
      await serve.kill('SIGTERM');
      rmSync(data, { recursive: true, force: true });
    },
  };
}

export const faultOf = (body: JsonObject): string => (JSON.parse(String(body['error_message'])) as { faultstring: string }).faultstring;
