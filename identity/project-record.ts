import type { Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { notFound } from './identity-error.ts';
import type { Reader } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';

/** A project or a domain: a domain is a project that acts as one. */
export type ProjectRecord = Selectable<IdentityTables['identity_project']>;

export const projects = recordStore('identity_project');

export const findProject = (db: Reader, id: string) => projects.find<ProjectRecord>(db, { id });
export const findDomain = (db: Reader, id: string) => projects.find<ProjectRecord>(db, { id, is_domain: true });

export async function mustFindProject(db: Reader, id: string): Promise<ProjectRecord> {
  const project = await findProject(db, id);
  if (project === undefined) throw notFound('project', id);
  return project;
}

export async function mustFindDomain(db: Reader, id: string): Promise<ProjectRecord> {
  const domain = await findDomain(db, id);
  if (domain === undefined) throw notFound('domain', id);
  return domain;
}

/** From the parent up to the domain, nearest first. */
export async function ancestorsOf(db: Reader, project: ProjectRecord): Promise<ProjectRecord[]> {
  const found: ProjectRecord[] = [];
  for (let at = project; at.parent_id !== null; at = found.at(-1)!) found.push(await mustFindProject(db, at.parent_id));
  return found;
}

/** All below a project, parents before children. */
export async function descendantsOf(db: Reader, id: string): Promise<ProjectRecord[]> {
  const found: ProjectRecord[] = [];
  for (let level = [id]; level.length > 0;) {
    const children = await projects.list<ProjectRecord>(db, { parent_id: level, is_domain: false });
    found.push(...children);
    level = children.map((child) => child.id);
  }
  return found;
}
