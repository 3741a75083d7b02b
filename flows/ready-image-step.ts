import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type { FlowContext, FlowStep, FlowTransaction, StepOutcome } from '../core/flow/flow-definition.ts';
import { signalFlow, startFlow } from '../core/flow/flow-service.ts';
import { useRendition } from '../images/image-rendition-service.ts';
import type { NodeFlowServices } from './node-flow-services.ts';

/*
 * A deployment's wait for the disk that is made of its image (`image-ready-flow.ts`): one flow makes it for all who wait. Whoever parks and the flow's end
 * hold the same lock, so that nobody parks on an end that was told already.
 */
export const IMAGE_READY_FLOW = 'image.ready';
/** 16 TiB of a packed image on a slow disk. */
export const READY_MS_MAX = 12 * 3600_000;

type Wanted = { readonly source: string; readonly image: string };
export type ReadyNews = { readonly failed: string | null };

const waitPrefix = (source: string) => `image-ready:${source}:`;
const lockWaiters = (trx: FlowTransaction, source: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${waitPrefix(source)}, 0))`.execute(trx);

/** In the transaction that ends the flow which makes it. */
export async function tellReady(trx: FlowTransaction, source: string, news: ReadyNews): Promise<void> {
  await lockWaiters(trx, source);
  const waiters = await trx
    .selectFrom('flow')
    .select('wait_key')
    .where('wait_key', 'like', `${waitPrefix(source)}%`)
    .execute();
  for (const { wait_key: key } of waiters) if (key !== null) await signalFlow(trx, key, news);
}

export const readyImageStep = (services: Pick<NodeFlowServices, 'images'>): FlowStep => ({
  name: 'ready_image',
  deadlineMs: 60_000,
  waitingFor: () => ({ what: 'the image to be a disk that machines can take', next: 'boot the agent' }),
  run: (ctx) => ready(services, ctx),
  async onEvent(ctx, payload) {
    const { failed } = payload as ReadyNews;
    if (failed === null) return ready(services, ctx);
    return { kind: 'fail', code: 'image-conversion', message: failed, advice: 'Upload the image again, or as raw, then deploy again.' };
  },
});

async function ready(services: Pick<NodeFlowServices, 'images'>, ctx: FlowContext): Promise<StepOutcome> {
  const wanted = ctx.state['rendition'] as Wanted | undefined;
  if (wanted === undefined) return { kind: 'done' };
  const made = await useRendition(services.images, wanted.source);
  if (made !== undefined) {
    const { sha512, disk_size: diskSizeBytes } = made;
    const bytes = { url: `${sha512.slice(0, 2)}/${sha512}`, checksum: sha512, compression: 'zstd', diskSizeBytes: Number(diskSizeBytes) };
    return { kind: 'done', patch: { image: { ...(ctx.state['image'] as JsonObject), ...bytes } } };
  }
  return {
    kind: 'wait',
    key: `${waitPrefix(wanted.source)}${ctx.flowId}`,
    forMs: READY_MS_MAX,
    async commit(trx) {
      await lockWaiters(trx, wanted.source);
      const input = { source: wanted.source };
      await startFlow(trx, { kind: IMAGE_READY_FLOW, subjectId: wanted.image, lockKey: `image-ready:${wanted.source}`, input });
    },
  };
}
