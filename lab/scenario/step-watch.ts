import type { JsonObject } from '../../core/base/json.ts';
import type { ProductClient } from './product-client.ts';

/** A state or step of a node that the API showed for the first time. */
export interface StepSeen {
  readonly node: string;
  readonly state: string;
  /** What it waits for; empty when it waits for nothing. */
  readonly waitsFor: string;
}

export interface StepWatch {
  onStep(listener: (step: StepSeen) => void): () => void;
  stop(): void;
}

/** The shortest steps take about this long. */
const LOOK_EVERY_MS = 150;

const textAt = (node: JsonObject, key: string): string => (typeof node[key] === 'string' ? node[key] : '');

const stepOf = (node: JsonObject): StepSeen => ({
  node: textAt(node, 'name') || textAt(node, 'uuid'),
  state: textAt(node, 'provision_state'),
  waitsFor: textAt((node['waiting_for'] ?? {}) as JsonObject, 'what'),
});

/** Looks at all nodes again and again; while the API is away there is nothing to see. */
export function watchSteps(product: Pick<ProductClient, 'look'>): StepWatch {
  const listeners = new Set<(step: StepSeen) => void>();
  const seen = new Set<string>();
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    const answer = await product.look('/nodes/detail?also=waiting_for');
    for (const node of (answer?.['nodes'] ?? []) as JsonObject[]) {
      const key = `${textAt(node, 'uuid')} ${textAt(node, 'provision_state')} ${textAt(node, 'reservation')} ${stepOf(node).waitsFor}`;
      if (seen.has(key)) continue;
      seen.add(key);
      for (const listener of listeners) listener(stepOf(node));
    }
    if (!isStopped) timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  void look();
  return {
    onStep(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
