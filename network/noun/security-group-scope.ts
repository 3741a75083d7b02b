import { ownedOrShared } from '../mechanism/standard-attributes.ts';
import { notFound } from '../network-error.ts';

export const GROUP_SCOPE = ownedOrShared('security_group');
export const groupNotFound = (id: string) => notFound('SecurityGroupNotFound', `Security group ${id} does not exist.`);
