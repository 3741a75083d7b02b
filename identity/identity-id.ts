import { randomUUID } from 'node:crypto';

/** OpenStack's ids: a UUID as 32 hex digits. */
export const newId = (): string => randomUUID().replaceAll('-', '');

/** The domain that is there from the start. */
export const DEFAULT_DOMAIN_ID = 'default';
