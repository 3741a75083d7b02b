import { attribute } from '../resource.ts';
import { listOf, shown, text, time } from './attribute-types.ts';

/** What every noun has. `tenant_id` is the older name of `project_id`. */
export const NAME_LENGTH_MAX = 255;
export const DESCRIPTION_LENGTH_MAX = 1024;

export const id = attribute(shown('uuid'), 'filter sort');
export const project = {
  project_id: attribute(text(255), 'post filter sort', { default: undefined }),
  tenant_id: attribute(text(255), 'post filter sort', { default: undefined, column: null, sql: 't.project_id' }),
};
export const name = attribute(text(NAME_LENGTH_MAX), 'post put filter sort', { default: '' });
export const description = attribute(text(DESCRIPTION_LENGTH_MAX), 'post put filter sort', { default: '' });
export const times = {
  revision_number: attribute(shown('integer'), 'filter sort'),
  created_at: attribute(time, 'filter sort', { search: 't.created_at' }),
  updated_at: attribute(time, 'filter sort', { search: 't.updated_at' }),
};
/** Given at birth, changed by their own routes. */
export const tags = attribute(listOf(text(255), { kind: 'text[]', unique: true, most: 50 }), 'post', { default: [] });

/** Of nouns with name, description, tags and times. */
export const standard = { id, name, ...project, description, ...times, tags };

/** Seen by other projects when somebody shared it: one kind of object, one of its actions. */
export const sharedWith = (type: string, action = 'access_as_shared'): string =>
  `exists (select from network_rbac r where r.object_type = '${type}' and r.object_id = t.id and r.action = '${action}'
    and r.target_project in ('*', :project))`;
export const ownedOrShared = (type: string): string => `(t.project_id = :project or ${sharedWith(type)})`;
export const OWNED = 't.project_id = :project';
/** Everybody's. */
export const PUBLIC = 'true';
