import { findGarbageCollector, type CollectGarbage } from './garbage-collector.ts';

/*
 * Gigabytes of images pass through a process in buffers that live for milliseconds. V8 counts them against the heap and, since hardly anything else is allocated
 * meanwhile, looks through all of the heap again and again to find them dead: up to half of the time of a transfer. A look at the young ones now and then finds
 * them for next to nothing. Does nothing where V8 gives no such function.
 */
const EVERY_BYTES = 16 * 2 ** 20;

/** Found once, and not for a transfer that ends before it is needed: it takes a context of its own to find. */
let found: { readonly collect: CollectGarbage | undefined } | undefined;

/** Tell it of bytes that have passed. */
export function createBufferFreeing(): (bytes: number) => void {
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < EVERY_BYTES) return;
    passed = 0;
    found ??= { collect: findGarbageCollector() };
    found.collect?.({ type: 'minor' });
  };
}
