import { z } from 'zod';
import { DEFAULT_DOMAIN_ID } from '../identity-id.ts';
import type { Reader } from '../identity-context.ts';
import { findDomain, projects, type ProjectRecord } from '../project-record.ts';
import { findUser, findUserByName, type UserRecord } from '../user-record.ts';

/** How calls name things: by id, or by name within a domain that is itself named by id or name. */
export const domainReference = z.looseObject({ id: z.string().optional(), name: z.string().optional() });
export const userReference = z.looseObject({ id: z.string().optional(), name: z.string().optional(), domain: domainReference.optional() });

type DomainReference = { readonly id?: string | undefined; readonly name?: string | undefined };
type UserReference = z.infer<typeof userReference>;

export async function findDomainBy(db: Reader, reference: DomainReference | undefined): Promise<ProjectRecord | undefined> {
  if (reference === undefined) return findDomain(db, DEFAULT_DOMAIN_ID);
  if (reference.id !== undefined) return findDomain(db, reference.id);
  return projects.find<ProjectRecord>(db, { name: reference.name ?? '', is_domain: true });
}

export async function findUserBy(db: Reader, reference: UserReference): Promise<UserRecord | undefined> {
  if (reference.id !== undefined) return findUser(db, reference.id);
  const domain = await findDomainBy(db, reference.domain);
  return domain === undefined ? undefined : findUserByName(db, domain.id, reference.name ?? '');
}

export async function findProjectBy(
  db: Reader,
  reference: { readonly id?: string | undefined; readonly name?: string | undefined; readonly domain?: DomainReference | undefined },
): Promise<ProjectRecord | undefined> {
  if (reference.id !== undefined) return projects.find<ProjectRecord>(db, { id: reference.id });
  const domain = await findDomainBy(db, reference.domain);
  if (domain === undefined) return undefined;
  // A project that acts as a domain is found by its own name, in its own domain.
  if (domain.name === reference.name && reference.domain === undefined) return domain;
  return projects.find<ProjectRecord>(db, { domain_id: domain.id, name: reference.name ?? '' });
}
