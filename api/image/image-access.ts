import { noImage } from '../../images/image-error.ts';
import { isMember } from '../../images/image-member-service.ts';
import { readImage, type ImageRecord } from '../../images/image-record.ts';
import { dbOf, type ImageCall } from './image-context.ts';

/** An image that the caller may know of and do this to: what it may not see is not there (404), what it may only see is forbidden (403). */
export async function findImage(call: ImageCall, rule: string, id = call.params['image_id']!): Promise<ImageRecord> {
  const image = await readImage(dbOf(call), id);
  const target = await targetOf(call, image);
  if (!call.allows('image:get_image', target)) throw noImage(id);
  if (rule !== 'image:get_image') call.require(rule, target);
  return image;
}

/** The image as the rules see it. */
export async function targetOf(call: ImageCall, image: ImageRecord): Promise<Record<string, string | null>> {
  const project = call.actor.projectId;
  const isShared = image.visibility === 'shared' && image.owner !== project && (await isMember(dbOf(call), image.id, project));
  // Nobody's image is not everybody's: two absent projects are not the same one.
  return { project_id: image.owner ?? '', member_id: isShared ? project : '', visibility: image.visibility };
}

/** Undefined: sees every project's. */
export const projectSeen = (call: ImageCall): string | null | undefined =>
  call.allows('image:change_owner') ? undefined : call.actor.projectId;
