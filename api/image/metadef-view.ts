import type { MetadefAssociation, MetadefNamespace, MetadefPart } from '../../images/metadef-service.ts';
import { timeView } from './image-view.ts';

/** Metadata definitions as the API shows them. */
const times = ({ created_at: made, updated_at: changed }: { readonly created_at: Date; readonly updated_at: Date }) => ({
  created_at: timeView(made),
  updated_at: timeView(changed),
});

export const namespacePath = (namespace: string) => `/v2/metadefs/namespaces/${encodeURIComponent(namespace)}`;

export const associationView = (association: MetadefAssociation) => ({
  name: association.resource_type,
  ...(association.prefix === null ? {} : { prefix: association.prefix }),
  ...(association.properties_target === null ? {} : { properties_target: association.properties_target }),
  ...times(association),
});

export const namespaceView = (row: MetadefNamespace) => ({
  namespace: row.namespace,
  ...(row.display_name === null ? {} : { display_name: row.display_name }),
  ...(row.description === null ? {} : { description: row.description }),
  visibility: row.visibility,
  protected: row.protected,
  owner: row.owner,
  ...times(row),
  self: namespacePath(row.namespace),
  schema: '/v2/schemas/metadefs/namespace',
});

export const objectView = (row: MetadefPart<'metadef_object'>) => ({
  name: row.name,
  description: row.description ?? '',
  required: row.required,
  properties: row.properties,
  ...times(row),
  self: `${namespacePath(row.namespace)}/objects/${encodeURIComponent(row.name)}`,
  schema: '/v2/schemas/metadefs/object',
});

export const propertyView = (row: MetadefPart<'metadef_property'>) => ({ ...(row.schema as object), name: row.name });

export const tagView = (row: MetadefPart<'metadef_tag'>) => ({ name: row.name, ...times(row) });
