import type { PolicyRule } from '../identity/policy-engine.ts';

/*
 * Who is what to an account of object storage, as data. A project has one account; its readers see all of it, its members change all of it, and a
 * reseller does so in every account and sets quotas. What containers' own access lists allow comes on top.
 */
export const OBJECT_RULES: readonly PolicyRule[] = [
  { name: 'object-store:reseller', check: 'role:ResellerAdmin or role:admin', scopes: ['system', 'project'] },
  { name: 'object-store:own', check: 'role:member and project_id:%(project_id)s', scopes: ['project'] },
  { name: 'object-store:read', check: 'role:reader and project_id:%(project_id)s', scopes: ['project'] },
];
