import { sql } from 'kysely';
import { nextStatus } from '../../images/image-machine.ts';
import type { ImageRecord, Trx } from '../../images/image-record.ts';
import { Refusal } from '../service-plugin.ts';
import type { Operation } from './image-patch.ts';
import { locationView } from './image-view.ts';

/*
 * Locations by patch: where the bytes are, said by somebody who knows. The first one makes a queued image active; digests may come with it, and
 * can not be changed later. Addresses are http or https: those of our own stores are made by uploads.
 */
interface NewLocation {
  readonly url: string;
  readonly metadata: object;
  readonly validation: { readonly checksum?: string; readonly os_hash_algo?: string; readonly os_hash_value?: string };
}

const HEX = /^[0-9a-f]+$/i;
const HASH_DIGITS: Readonly<Record<string, number>> = { sha512: 128, sha384: 96, sha256: 64 };

/** @throws Refusal 400 */
function readLocation(value: unknown): NewLocation {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'A location is an object with url and metadata.');
  const { url, metadata, validation_data: validation = {} } = value as Record<string, unknown>;
  if (typeof url !== 'string' || typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw new Refusal(400, 'Invalid location: url and metadata are required.');
  if (!/^(https?|rackwright):\/\/\S+$/.test(url))
    throw new Refusal(400, `Invalid location: the scheme of ${url.slice(0, 200)} is not http or https.`);
  return { url, metadata, validation: readValidation(validation) };
}

function readValidation(value: unknown): NewLocation['validation'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'Invalid validation_data structure: it is an object.');
  const { checksum, os_hash_algo: algorithm, os_hash_value: digest, ...others } = value as Record<string, unknown>;
  if (Object.keys(others).length > 0)
    throw new Refusal(400, `Invalid validation_data structure: Additional properties are not allowed (${Object.keys(others).join(', ')}).`);
  if (checksum !== undefined && (typeof checksum !== 'string' || checksum.length !== 32 || !HEX.test(checksum)))
    throw new Refusal(400, 'Invalid validation_data: checksum is 32 hex digits.');
  if ((algorithm === undefined) !== (digest === undefined))
    throw new Refusal(400, 'Invalid validation_data: os_hash_algo and os_hash_value come together.');
  return value as NewLocation['validation'];
}

/** Last: that it is another one than the image's is the more telling refusal. @throws Refusal 400 */
function requireDigest({ os_hash_algo: algorithm, os_hash_value: digest }: NewLocation['validation']): void {
  if (algorithm === undefined) return;
  if (typeof digest !== 'string' || digest.length !== HASH_DIGITS[algorithm] || !HEX.test(digest))
    throw new Refusal(400, 'Invalid validation_data: os_hash_value is not a digest of os_hash_algo.');
}

/** In the image's lock. @throws Refusal 400, 403, 409 */
export async function patchLocations(trx: Trx, image: ImageRecord, { op, path, value }: Operation): Promise<void> {
  if (op === 'add') return addLocation(trx, image, readLocation(value));
  if (op === 'replace') return replaceLocations(trx, image, path, value);
  const at = Number(path[1]);
  const location = image.locations[at];
  if (location === undefined || !/^\d+$/.test(path[1] ?? '')) throw new Refusal(400, `Invalid location index: ${path[1]}`);
  if (image.locations.length === 1) throw new Refusal(403, "Can't remove all locations: delete the image.");
  await trx.deleteFrom('image_location').where('id', '=', location.id).execute();
}

async function addLocation(trx: Trx, image: ImageRecord, { url, metadata, validation }: NewLocation): Promise<void> {
  if (image.status !== 'queued' && image.status !== 'active')
    throw new Refusal(409, `It's not allowed to add locations if image status is ${image.status}.`);
  if (image.locations.some((one) => one.url === url)) throw new Refusal(400, `Invalid location: ${url} is one of the image's already.`);
  if (url.startsWith('rackwright:')) throw new Refusal(400, 'Invalid location: addresses of our own stores are made by uploads.');
  const changed = Object.entries(validation).filter(
    ([name, given]) => image[name as 'checksum'] !== null && image[name as 'checksum'] !== given,
  );
  if (changed.length > 0) throw new Refusal(409, `${changed[0]![0]} is already set with a different value`);
  requireDigest(validation);
  await trx
    .insertInto('image_location')
    .values({ image_id: image.id, position: image.locations.length, store: null, sha512: null, url, metadata: JSON.stringify(metadata) })
    .execute();
  await trx
    .updateTable('image')
    .set({ ...validation, ...(image.status === 'queued' ? { status: nextStatus(image.status, 'locate') } : {}), updated_at: sql`now()` })
    .where('id', '=', image.id)
    .execute();
}

/** The same addresses in the same order; metadata may change. An image without locations can be given them. */
async function replaceLocations(trx: Trx, image: ImageRecord, path: readonly string[], value: unknown): Promise<void> {
  if (path.length > 1 || !Array.isArray(value)) throw new Refusal(400, 'Locations are replaced as a whole, by a list.');
  const wanted = value.map(readLocation);
  if (image.locations.length === 0) {
    if (wanted.length > 1) throw new Refusal(400, 'Set one location first, then add the others.');
    for (const location of wanted) await addLocation(trx, image, location);
    return;
  }
  const isSame = wanted.length === image.locations.length && wanted.every((one, at) => one.url === locationView(image.locations[at]!).url);
  if (!isSame)
    throw new Refusal(400, 'Original locations is not empty: only their metadata can be replaced, add and remove change the list.');
  for (const [at, { metadata }] of wanted.entries())
    await trx
      .updateTable('image_location')
      .set({ metadata: JSON.stringify(metadata) })
      .where('id', '=', image.locations[at]!.id)
      .execute();
}
