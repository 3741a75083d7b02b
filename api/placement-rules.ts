import type { PolicyRule, PolicyScope } from '../identity/policy-engine.ts';

/*
 * Who may do what with placement, as data (docs.openstack.org/placement, "Policies"): it is for administrators and other services; a
 * project's readers see what their own project uses.
 */
const PROJECT: readonly PolicyScope[] = ['project'];
const OLDER = 'role:admin';
const ADMIN_OR_SERVICE = 'role:admin or role:service';

const NAMES = `
  resource_providers:list resource_providers:create resource_providers:show resource_providers:update resource_providers:delete
  resource_providers:inventories:list resource_providers:inventories:create resource_providers:inventories:show
  resource_providers:inventories:update resource_providers:inventories:delete resource_providers:aggregates:list
  resource_providers:aggregates:update resource_providers:usages resource_providers:traits:list resource_providers:traits:update
  resource_providers:traits:delete resource_providers:allocations:list resource_classes:list resource_classes:create
  resource_classes:show resource_classes:update resource_classes:delete traits:list traits:show traits:update traits:delete
  allocations:manage allocations:list allocations:update allocations:delete allocation_candidates:list reshaper:reshape`;

export const PLACEMENT_RULES: readonly PolicyRule[] = [
  ...NAMES.trim()
    .split(/\s+/)
    .map((name) => ({ name: `placement:${name}`, check: ADMIN_OR_SERVICE, scopes: PROJECT, deprecated: OLDER })),
  {
    name: 'placement:usages',
    check: `${ADMIN_OR_SERVICE} or (role:reader and project_id:%(project_id)s)`,
    scopes: PROJECT,
    deprecated: OLDER,
  },
];
