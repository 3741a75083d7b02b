import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../core/base/json.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** A control plane of its own and its Placement, spoken to at the newest microversion. */
export interface PlacementRig {
  readonly serve: ServeProcess;
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: JsonObject }>;
  expect(status: number, method: string, path: string, body?: unknown): Promise<JsonObject>;
  /** A provider with these totals. */
  provider(totals: Record<string, number>): Promise<string>;
  claim(consumer: string, provider: string, resources: Record<string, number>, generation?: number | null): Promise<number>;
  stop(): Promise<void>;
}

export async function startPlacementRig(): Promise<PlacementRig> {
  const data = mkdtempSync(join(tmpdir(), 'rackwright-placement-'));
  const serve = await startServe(data);
  const call: PlacementRig['call'] = (method, path, body) =>
    serve.call(method, `/placement${path}`, body, { 'openstack-api-version': 'placement latest' });
  const expect: PlacementRig['expect'] = async (status, method, path, body) => {
    const answer = await call(method, path, body);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    serve,
    call,
    expect,
    async provider(totals) {
      const { uuid } = await expect(200, 'POST', '/resource_providers', { name: `provider-${crypto.randomUUID()}` });
      const inventories = Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, { total }]));
      await expect(200, 'PUT', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: 0, inventories });
      return String(uuid);
    },
    async claim(consumer, provider, resources, generation = null) {
      const body = {
        allocations: { [provider]: { resources } },
        project_id: 'p',
        user_id: 'u',
        consumer_generation: generation,
        consumer_type: 'INSTANCE',
      };
      return (await call('PUT', `/allocations/${consumer}`, body)).status;
    },
    async stop() {
      await serve.kill('SIGTERM');
      rmSync(data, { recursive: true, force: true });
    },
  };
}
