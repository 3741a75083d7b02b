import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../../core/base/json.ts';
import type { WebSource } from '../../core/transfer/web-source.ts';
import { BmcError } from '../capability.ts';
import type { BmcTask } from '../task.ts';
import { numberAt, textAt } from './json-codec.ts';
import { encodeUpdateForm } from './multipart-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/**
 * An update for a BMC that fetches nothing: its image goes through us, piece by piece as it comes, never whole in memory. One that breaks off is never
 * made whole by a BMC, and begins anew.
 */
/** No firmware is larger; some BMCs tell a limit of their own. */
export const PUSHED_BYTES_MAX = 2 * 1024 ** 3;

const unreadable = (url: string, why: string) =>
  new BmcError('refused', `The image ${url} cannot be read: ${why}`, 'See whether the control plane can reach the image.');

async function openImage(url: string, web: WebSource, signal: AbortSignal) {
  const { sizeBytes, body } = await web.open(url, signal).catch((error: Error) => {
    throw unreadable(url, error.message);
  });
  if (sizeBytes) return { length: sizeBytes, body };
  body.destroy();
  throw unreadable(url, 'its size is not told');
}

export async function pushUpdate(
  tree: RedfishTree,
  service: JsonObject,
  image: { readonly url: string; readonly target: string | undefined; readonly web: WebSource },
  signal: AbortSignal,
): Promise<BmcTask> {
  const path = textAt(service, 'MultipartHttpPushUri')!;
  const { oemImageType } = await tree.habits(signal);
  const { length, body } = await openImage(image.url, image.web, signal);
  const bytesMax = Math.min(numberAt(service, 'MaxImageSizeBytes') ?? PUSHED_BYTES_MAX, PUSHED_BYTES_MAX);
  if (length > bytesMax) {
    body.destroy();
    throw new BmcError('refused', `${tree.address.host}: the image is larger than ${bytesMax} bytes`, 'See whether it is firmware.');
  }
  const form = encodeUpdateForm({
    boundary: randomBytes(16).toString('hex'),
    parameters: { Targets: image.target === undefined ? [] : [image.target] },
    ...(oemImageType ? { oemParameters: { ImageType: /bmc/i.test(image.target ?? '') ? 'BMC' : 'BIOS' } } : {}),
    fileName: new URL(image.url).pathname.split('/').at(-1) ?? '',
  });
  async function* bytes() {
    yield form.head;
    let sent = 0;
    try {
      for await (const piece of body) {
        sent += (piece as Buffer).length;
        yield piece as Buffer;
      }
    } catch (error) {
      throw unreadable(image.url, `it broke off after ${sent} of ${length} bytes (${(error as Error).message})`);
    }
    yield form.tail;
  }
  const { task } = await tree.http.upload(
    path,
    { contentType: form.contentType, length: form.head.length + length + form.tail.length, bytes: bytes() },
    signal,
  );
  return { id: task };
}
