import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { buildConfigDrive, encodeConfigDrive } from '../../images/configdrive-build.ts';
import { RequestRefused } from './baremetal-error.ts';
import { jsonObject } from './body-shapes.ts';
import type { Call } from './baremetal-route.ts';

/** ISO 9660 images of metadata are some hundred KB; Ironic's own limit is 64 MiB. */
const CONFIGDRIVE_BYTES_MAX = 64 * 2 ** 20;

const shape = z.strictObject({
  meta_data: jsonObject.optional(),
  network_data: jsonObject.optional(),
  user_data: z.union([jsonObject, z.array(z.unknown()), z.string()]).nullish(),
  vendor_data: jsonObject.optional(),
});

/** The `configdrive` of a provision call, as the base64 of a gzipped image; undefined when there is none. @throws 400 */
export function toConfigDrive(call: Call, target: string, given: unknown): string | undefined {
  if (given === undefined || given === null || given === '') return undefined;
  const allowed = ['active', 'deploy', ...(call.minor >= 35 ? ['rebuild'] : [])];
  if (!allowed.includes(target))
    throw new RequestRefused(400, `Adding a config drive is only supported when setting provision state to ${allowed.join(', ')}`);
  if (typeof given === 'string') return checkedImage(given);
  if (typeof given !== 'object') throw new RequestRefused(400, 'Invalid configdrive format: it is neither an object nor text.');
  if (call.minor < 56)
    throw new RequestRefused(400, 'Providing a JSON object for configdrive is only supported starting with API version 1.56');
  const parsed = shape.safeParse(given);
  if (!parsed.success) throw new RequestRefused(400, `Invalid configdrive format: ${z.prettifyError(parsed.error)}`);
  const { meta_data, user_data, network_data, vendor_data } = parsed.data;
  if (vendor_data !== undefined && call.minor < 59)
    throw new RequestRefused(400, 'Providing vendor_data in configdrive is only supported starting with API version 1.59');
  const image = buildConfigDrive({
    metaData: (meta_data ?? {}) as JsonObject,
    ...(user_data == null ? {} : { userData: typeof user_data === 'string' ? user_data : JSON.stringify(user_data) }),
    ...(network_data === undefined ? {} : { networkData: network_data }),
    ...(vendor_data === undefined ? {} : { vendorData: vendor_data }),
  });
  return encodeConfigDrive(image);
}

function checkedImage(given: string): string {
  if (given.includes('://'))
    throw new RequestRefused(400, 'A configdrive as a URL is not supported: send the image itself, or its parts as an object.');
  if (!/^[A-Za-z0-9+/=\s]*$/.test(given))
    throw new RequestRefused(400, 'Invalid configdrive format: it is neither a JSON, nor a URL, nor a base64 string');
  try {
    gunzipSync(Buffer.from(given, 'base64'), { maxOutputLength: CONFIGDRIVE_BYTES_MAX });
  } catch (cause) {
    throw new RequestRefused(
      400,
      `Invalid configdrive format: it is not base64 of a gzip of at most ${CONFIGDRIVE_BYTES_MAX / 2 ** 20} MiB: ${(cause as Error).message}`,
    );
  }
  return given;
}
