import type { PolicyRule, PolicyScope } from '../identity/policy-engine.ts';

/*
 * Who may do what with images, as data (docs.openstack.org/glance, "Image Service Policies"): a project's readers see what it can see, its members
 * change what it owns, administrators of any project do everything. `project_id` is the image's owner, `member_id` the caller's project when
 * the image is shared with it.
 */
const PROJECT: readonly PolicyScope[] = ['project'];
const ADMIN = 'role:admin';
const own = (role: string) => `role:${role} and project_id:%(project_id)s`;
const MEMBER = `${ADMIN} or (${own('member')})`;
const visible = (role: string) =>
  `${ADMIN} or (role:${role} and (project_id:%(project_id)s or project_id:%(member_id)s or 'public':%(visibility)s or 'community':%(visibility)s))`;
const NAMESPACE = `${ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))`;

const rules = (check: string, names: string): PolicyRule[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name: `image:${name}`, check, scopes: PROJECT }));

export const IMAGE_RULES: readonly PolicyRule[] = [
  ...rules(
    MEMBER,
    `add_image delete_image modify_image communitize_image upload_image set_image_location delete_image_location add_member delete_member
     deactivate reactivate`,
  ),
  ...rules(visible('reader'), 'get_image get_image_location get_members get_member'),
  ...rules(visible('member'), 'download_image'),
  ...rules('role:reader or role:admin', 'get_images'),
  ...rules(`${ADMIN} or (role:member and project_id:%(member_id)s)`, 'modify_member'),
  ...rules(ADMIN, 'publicize_image copy_image manage_image_cache tasks_api_access stores_info_detail change_owner'),
  ...rules('role:reader or role:admin', 'get_metadef_namespaces get_metadef_resource_types list_metadef_resource_types'),
  ...rules(NAMESPACE, 'get_metadef_namespace'),
  ...rules(ADMIN, 'modify_metadef'),
];
