import type { ProjectRecord } from '../../identity/project-record.ts';

export const projectView = (project: ProjectRecord) => ({
  ...project.extra,
  id: project.id,
  name: project.name,
  domain_id: project.domain_id,
  description: project.description,
  enabled: project.enabled,
  parent_id: project.parent_id,
  is_domain: project.is_domain,
  tags: project.tags,
  options: project.options,
});

export const domainView = (domain: ProjectRecord) => ({
  ...domain.extra,
  id: domain.id,
  name: domain.name,
  description: domain.description,
  enabled: domain.enabled,
  tags: domain.tags,
  options: domain.options,
});
