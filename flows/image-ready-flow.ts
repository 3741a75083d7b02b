import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import type { ImageData } from '../images/image-data-service.ts';
import { ImageError } from '../images/image-error.ts';
import { readImage } from '../images/image-record.ts';
import { useRendition } from '../images/image-rendition-service.ts';
import { makeRendition } from '../images/make-rendition.ts';
import { IMAGE_READY_FLOW, READY_MS_MAX, tellReady } from './ready-image-step.ts';

/*
 * A disk that machines can take, made of an image that is none, or that is not near:
 * 1. make  once for all images with these bytes, and whoever waits is told. A process that dies begins anew: nothing is half there.
 */
const sourceOf = ({ input }: { readonly input: Readonly<Record<string, unknown>> }) => String(input['source']);

export const imageReadyFlow = (data: ImageData): FlowDefinition => ({
  kind: IMAGE_READY_FLOW,
  version: 1,
  steps: [
    {
      name: 'make',
      deadlineMs: READY_MS_MAX,
      attempts: { max: 3, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the image to be converted and packed', next: 'machines take it' }),
      async run(ctx) {
        const source = sourceOf(ctx);
        if ((await useRendition(data, source)) !== undefined) return { kind: 'done' };
        try {
          await makeRendition(data, await readImage(data.db, ctx.subjectId), source, ctx.signal);
          return { kind: 'done' };
        } catch (error) {
          if (!(error instanceof ImageError)) throw error;
          return { kind: 'fail', code: 'image-conversion', message: error.message, advice: 'Upload the image again, or as raw.' };
        }
      },
    },
  ],
  onSucceeded: (trx, flow) => tellReady(trx, sourceOf(flow), { failed: null }),
  onFailed: (trx, flow, error) => tellReady(trx, sourceOf(flow), { failed: error.message }),
  onCancelled: (trx, flow, reason) => tellReady(trx, sourceOf(flow), { failed: reason }),
});
