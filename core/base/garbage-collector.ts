import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** V8's own, of which Node's API has no word: `minor` looks at the young ones, `major` with `last-resort` gives all that is free back to the system. */
export type CollectGarbage = (
  options: { readonly type: 'minor' } | { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' },
) => void;

/** Undefined where V8 gives none. It gives it to contexts that are made while a flag is set. */
export function findGarbageCollector(): CollectGarbage | undefined {
  try {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('typeof gc === "function" ? gc : undefined') as CollectGarbage | undefined;
    setFlagsFromString('--no-expose-gc');
    return collect;
  } catch {
    return undefined;
  }
}
