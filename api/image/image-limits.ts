import { effectiveLimits } from '../../identity/effective-limit-service.ts';
import { requireRoom, type ImageLimits, type ImageQuota } from '../../images/image-quota-service.ts';
import { dbOf, type ImageCall } from './image-context.ts';

/** The unified limits of the service `image`: Identity says how much, images say how much there is. */
export const limitsOf = (call: ImageCall, owner: string): Promise<ImageLimits> => effectiveLimits(dbOf(call), 'image', owner);

/** @throws ImageError 413 */
export async function requireRoomFor(
  call: ImageCall,
  owner: string | null,
  deltas: Partial<Readonly<Record<ImageQuota, number>>>,
): Promise<void> {
  if (owner === null) return;
  const limits = await limitsOf(call, owner);
  await dbOf(call)
    .transaction()
    .execute((trx) => requireRoom(trx, owner, limits, deltas));
}
