import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../core/base/json.ts';
import type { ServeProcess } from './serve-process.ts';

const NODES = '/baremetal/v1/nodes';

export const showNode = async (serve: ServeProcess, name: string): Promise<JsonObject> =>
  (await serve.call('GET', `${NODES}/${name}`)).body;

/** The node when no flow works on it. */
export async function nodeAtRest(serve: ServeProcess, name: string): Promise<JsonObject> {
  for (;;) {
    const node = await showNode(serve, name);
    if (node['reservation'] === null) return node;
    await pause(50);
  }
}
