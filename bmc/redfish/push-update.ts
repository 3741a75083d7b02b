import { randomBytes } from 'node:crypto';
import { request } from 'undici';
import type { JsonObject } from '../../core/base/json.ts';
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

/** Where clouds tell a machine inside them its secrets: nobody's firmware is there, and it is this host that would read. */
const FORBIDDEN_HOSTS: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '[fd00:ec2::254]',
  '[fe80::a9fe:a9fe]',
  'metadata.google.internal',
]);

const unreadable = (url: string, why: string) =>
  new BmcError('refused', `The image ${url} cannot be read: ${why}`, 'See whether the control plane can reach the image.');

async function openImage(url: string, forbiddenHosts: readonly string[], signal: AbortSignal) {
  const { hostname } = new URL(url);
  if (FORBIDDEN_HOSTS.has(hostname) || forbiddenHosts.includes(hostname)) throw unreadable(url, 'nothing is read from that host');
  const reply = await request(url, { signal }).catch((error: Error) => {
    throw unreadable(url, error.message);
  });
  const length = Number(reply.headers['content-length']);
  if (reply.statusCode === 200 && length > 0) return { length, body: reply.body };
  await reply.body.dump();
  throw unreadable(url, reply.statusCode === 200 ? 'its size is not told' : `HTTP ${reply.statusCode}`);
}

export async function pushUpdate(
  tree: RedfishTree,
  service: JsonObject,
  image: { readonly url: string; readonly target: string | undefined; readonly forbiddenHosts: readonly string[] },
  signal: AbortSignal,
): Promise<BmcTask> {
  const path = textAt(service, 'MultipartHttpPushUri')!;
  const { oemImageType } = await tree.habits(signal);
  const { length, body } = await openImage(image.url, image.forbiddenHosts, signal);
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
