import { query } from './mechanism/statement.ts';
import { conflict, notFound, type NetworkError } from './network-error.ts';
import type { Trx } from './resource.ts';

/** Flavors and the profiles that are bound to them. */
/** Kinds of services that a flavor can be of. */
export const SERVICE_TYPES = ['L3_ROUTER_NAT', 'CORE', 'FLAVORS', 'QOS', 'METERING', 'LOG_API', 'DUMMY'] as const;

/** What can be logged. */
export const LOGGABLE = ['security_group'] as const;

export const profileNotFound = (id: string): NetworkError =>
  notFound('ServiceProfileNotFound', `Service Profile ${id} could not be found.`);

/** @throws NetworkError 404, 409 */
export async function bindProfiles(trx: Trx, flavorId: string, profileIds: readonly string[]): Promise<void> {
  for (const profileId of profileIds) {
    const found = await query(trx, 'select from network_service_profile where id = $1', [profileId]);
    if (found.length === 0) throw profileNotFound(profileId);
    const bound = await query(
      trx,
      'insert into network_flavor_profile (flavor_id, service_profile_id) values ($1, $2) on conflict do nothing returning flavor_id',
      [flavorId, profileId],
    );
    if (bound.length === 0)
      throw conflict('FlavorServiceProfileBindingExists', `Service Profile ${profileId} is already associated with flavor ${flavorId}.`);
  }
}

/** @throws NetworkError 404 */
export async function unbindProfile(trx: Trx, flavorId: string, profileId: string): Promise<void> {
  const gone = await query(trx, 'delete from network_flavor_profile where flavor_id = $1 and service_profile_id = $2 returning flavor_id', [
    flavorId,
    profileId,
  ]);
  if (gone.length === 0)
    throw notFound('FlavorServiceProfileBindingNotFound', `Service Profile ${profileId} is not associated with flavor ${flavorId}.`);
}
