import { ImageError } from '../../images/image-error.ts';
import { isMember } from '../../images/image-member-service.ts';
import { isImageId, readImage, type ImageRecord } from '../../images/image-record.ts';
import type { Flavor } from '../../compute/flavor-service.ts';
import { Refusal } from '../service-plugin.ts';
import { dbOf, type ComputeCall } from './compute-context.ts';

/** An image that the caller may boot. @throws Refusal 400 */
export async function bootImage(call: ComputeCall, ref: string, flavor: Pick<Flavor, 'ram' | 'disk'>): Promise<ImageRecord> {
  const image = await seenImage(call, ref);
  if (image.status !== 'active') throw new Refusal(400, `Image ${ref} is not active.`);
  if (flavor.ram < image.min_ram) throw new Refusal(400, "Flavor's memory is too small for requested image.");
  if (flavor.disk !== 0 && flavor.disk < image.min_disk)
    throw new Refusal(
      400,
      `The created instance's disk would be too small: ${flavor.disk} GiB, and the image wants ${image.min_disk} GiB.`,
    );
  return image;
}

async function seenImage(call: ComputeCall, ref: string): Promise<ImageRecord> {
  const none = () => new Refusal(400, 'Can not find requested image');
  if (ref === '') throw new Refusal(400, 'Missing imageRef attribute: a machine boots from an image, volumes are not attached to it here.');
  if (!isImageId(ref)) throw new Refusal(400, 'Invalid imageRef provided.');
  const image = await readImage(dbOf(call), ref).catch((error: unknown) => {
    throw error instanceof ImageError ? none() : error;
  });
  const { actor } = call;
  const isOpen = image.visibility === 'public' || image.visibility === 'community' || actor.roles.includes('admin');
  const isOwn = image.owner !== null && image.owner === actor.projectId;
  if (!isOpen && !isOwn && !(await isMember(dbOf(call), image.id, actor.projectId))) throw none();
  return image;
}
