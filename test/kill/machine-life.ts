import type { JsonObject } from '../../core/base/json.ts';

/*
 * What an operator does with one machine, driven by its state alone: every call may be lost with the control plane, and
 * whoever calls again sees what the first call did.
 */
export interface Api {
  /** Undefined while nobody answers. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: JsonObject } | undefined>;
}

export interface LifeReport {
  readonly deployments: number;
  /** Why the machine is lost; absent when all went well. */
  readonly lost?: string;
}

export interface LifeOptions {
  readonly api: Api;
  readonly mac: string;
  readonly name: string;
  readonly instanceInfo: JsonObject;
  /** Looks at the machine itself once it is active: undefined when all is as it should be. */
  readonly check: () => Promise<string | undefined>;
  /** May the machine rest now? Asked each time it is active and good. */
  readonly isEnough: () => boolean;
  readonly giveUpAtMs: number;
}

const LOOK_EVERY_MS = 100;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What to ask for in a settled state. */
const NEXT: Readonly<Record<string, string>> = { enroll: 'manage', available: 'active' };

export async function liveMachine(options: LifeOptions): Promise<LifeReport> {
  const { api, mac, name } = options;
  const done = { deployments: 0, wasActive: false, inspected: false };
  while (Date.now() < options.giveUpAtMs) {
    await pause(LOOK_EVERY_MS);
    const ports = await api.call('GET', `/baremetal/v1/ports/detail?address=${mac}`);
    const uuid = (ports?.body['ports'] as JsonObject[] | undefined)?.[0]?.['node_uuid'];
    if (uuid === undefined) continue;
    const node = (await api.call('GET', `/baremetal/v1/nodes/${String(uuid)}`))?.body;
    if (node?.['provision_state'] === undefined || node['reservation'] !== null) continue;
    const state = String(node['provision_state']);
    if (node['last_error'] !== null || / failed$|^error$/.test(state))
      return { deployments: done.deployments, lost: `${name} is ${state}: ${String(node['last_error'])}` };
    if (state === 'enroll' && Object.keys(node['driver_info'] as JsonObject).length === 0) continue;
    const ask = (target: string, more: object = {}) =>
      api.call('PUT', `/baremetal/v1/nodes/${String(uuid)}/states/provision`, { target, ...more });
    if (state === 'active') {
      const wrong = await options.check();
      if (wrong !== undefined) return { deployments: done.deployments, lost: `${name}: ${wrong}` };
      if (!done.wasActive) done.deployments += 1;
      done.wasActive = true;
      if (options.isEnough()) return { deployments: done.deployments };
      await ask('deleted');
    } else if (state === 'manageable') {
      const answer = await ask(done.inspected ? 'provide' : 'inspect');
      done.inspected ||= answer?.status === 202;
    } else if (state === 'available') {
      done.wasActive = false;
      await api.call('PATCH', `/baremetal/v1/nodes/${String(uuid)}`, [{ op: 'add', path: '/instance_info', value: options.instanceInfo }]);
      await ask('active', { configdrive: { meta_data: { hostname: name } } });
    } else if (NEXT[state] !== undefined) await ask(NEXT[state]);
  }
  return { deployments: done.deployments, lost: `${name} did not get there in time` };
}
