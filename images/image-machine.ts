import { ImageError } from './image-error.ts';

/*
 * The life of an image's bytes (docs.openstack.org/glance, "Image statuses"). `saving`, `uploading` and `importing` are the states in
 * which bytes move; each of them is left by the upload's end, or by the import's flow, which outlives a process.
 */
export const IMAGE_TRANSITIONS = [
  { from: 'queued', verb: 'upload', to: 'saving', because: 'a client sends the bytes' },
  { from: 'saving', verb: 'finish', to: 'active', because: 'all bytes are in a store, their digests are known' },
  { from: 'saving', verb: 'fail', to: 'queued', because: 'the bytes stopped, or are not what they say' },
  { from: 'queued', verb: 'stage', to: 'uploading', because: 'a client sends the bytes aside, for an import' },
  { from: 'uploading', verb: 'fail', to: 'queued', because: 'the staged bytes stopped or are gone' },
  { from: 'uploading', verb: 'import', to: 'importing', because: 'the staged bytes are taken into stores' },
  { from: 'queued', verb: 'import', to: 'importing', because: 'bytes are fetched from elsewhere' },
  { from: 'importing', verb: 'finish', to: 'active', because: 'they are in a store' },
  { from: 'importing', verb: 'fail', to: 'queued', because: 'no store has them' },
  { from: 'queued', verb: 'locate', to: 'active', because: 'somebody says where the bytes are' },
  { from: 'active', verb: 'deactivate', to: 'deactivated', because: 'nobody but administrators shall have the bytes' },
  { from: 'deactivated', verb: 'reactivate', to: 'active', because: 'they may again' },
] as const;

export type ImageVerb = (typeof IMAGE_TRANSITIONS)[number]['verb'];
export type ImageStatus = (typeof IMAGE_TRANSITIONS)[number]['from' | 'to'];

/** @throws ImageError 409 */
export function nextStatus(from: string, verb: ImageVerb): ImageStatus {
  const found = IMAGE_TRANSITIONS.find((one) => one.from === from && one.verb === verb);
  if (found !== undefined) return found.to;
  const to = IMAGE_TRANSITIONS.find((one) => one.verb === verb)!.to;
  throw new ImageError(409, `Image status transition from ${from} to ${to} is not allowed`);
}
