import type { Reading } from '../../storage/large-object-service.ts';
import { isGranted, parseAcl, referrerAllowed, type Grantee } from '../../storage/object-acl-policy.ts';
import { notFound } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import type { Container, ObjectStorage } from '../../storage/object-storage.ts';
import { findContainer } from '../../storage/object-store.ts';
import { Refusal, type Answer, type Call } from '../service-plugin.ts';

/** One request to an account, a container or an object: which, and what the caller may do there. */
export interface ObjectContext {
  readonly storage: ObjectStorage;
}

export type ObjectCall = Call<ObjectContext>;

export interface Target {
  readonly account: string;
  readonly container?: string;
  readonly object?: string;
  /** `/v1/account/container/object`, decoded: what signatures are made of. */
  readonly path: string;
}

/** `own`: as the account's members. The signed ones: by a signature with a key of the account, or of just the container. */
export type Standing = 'reseller' | 'own' | 'read' | 'signed-by-account' | 'signed-by-container' | undefined;

export interface Visit {
  readonly call: ObjectCall;
  readonly storage: ObjectStorage;
  readonly target: Target;
  readonly standing: Standing;
  /** Of the target, when there is one of that name. */
  readonly container: Container | undefined;
}

const PREFIX = 'AUTH_';

/** @throws Refusal 404, 412 */
export function readTarget(url: string): Target {
  let path: string;
  try {
    path = decodeURIComponent(url.split('?')[0]!);
  } catch {
    throw new Refusal(412, 'Invalid UTF8 or contains NULL');
  }
  if (path.includes('\0')) throw new Refusal(412, 'Invalid UTF8 or contains NULL');
  const match = /^\/v1\/([^/]+)(?:\/([^/]*)(?:\/(.*))?)?$/s.exec(path);
  if (match === null) throw notFound();
  const [, account = '', container = '', object = ''] = match;
  if (container === '' && object !== '') throw notFound();
  return { account, path, ...(container === '' ? {} : { container }), ...(object === '' ? {} : { object }) };
}

/** @throws Refusal 400 for names that are too long to be any */
export function requireNames({ account, container = '', object = '' }: Target): void {
  const check = (what: string, name: string, max: number) => {
    const length = Buffer.byteLength(name);
    if (length > max) throw new Refusal(400, `${what} name length of ${length} longer than ${max}`);
  };
  check('Account', account, OBJECT_LIMITS.accountNameBytesMax);
  check('Container', container, OBJECT_LIMITS.containerNameBytesMax);
  check('Object', object, OBJECT_LIMITS.objectNameBytesMax);
}

/** What the caller's roles make of it in an account; what access lists add is asked for each container. */
export function standingIn(call: ObjectCall, account: string): Standing {
  if (call.visitor === undefined || !account.startsWith(PREFIX) || account.length === PREFIX.length) return undefined;
  const target = { project_id: account.slice(PREFIX.length) };
  if (call.allows('object-store:reseller', target)) return 'reseller';
  if (call.allows('object-store:own', target)) return 'own';
  return call.allows('object-store:read', target) ? 'read' : undefined;
}

export async function visit(call: ObjectCall, target: Target, standing: Standing): Promise<Visit> {
  const { storage } = call.context;
  const container = target.container === undefined ? undefined : await findContainer(storage.db, target.account, target.container);
  return { call, storage, target, standing, container };
}

/** The same caller at another place. */
export const visitElsewhere = ({ call }: Visit, target: Target): Promise<Visit> => visit(call, target, standingIn(call, target.account));

function grantee({ visitor, token }: ObjectCall): Grantee | undefined {
  if (visitor === undefined) return undefined;
  const scope = token?.subject.scope;
  return {
    userId: visitor.userId,
    userName: visitor.userName,
    projectId: visitor.projectId,
    projectName: scope?.kind === 'project' ? scope.project.name : null,
    mayUseNames: visitor.userDomainId === 'default' && (visitor.projectDomainId ?? 'default') === 'default',
    roles: visitor.roles,
  };
}

export const isOwner = ({ standing }: Visit): boolean => standing === 'own' || standing === 'reseller';

export const mayReadAccount = (visit: Visit): boolean => isOwner(visit) || visit.standing === 'read';

const isSigned = ({ standing, container: own }: Visit, container: Container | undefined): boolean =>
  standing === 'signed-by-account' || (standing === 'signed-by-container' && container?.id === own?.id);

/** @param what a container's list, or what is in it: a `.r:` in the list opens the second only, unless `.rlistings` is there too */
export function mayReadContainer(visit: Visit, container: Container | undefined, what: 'list' | 'object'): boolean {
  if (mayReadAccount(visit) || isSigned(visit, container)) return true;
  const acl = parseAcl(container?.headers['x-container-read']);
  if (referrerAllowed(acl, visit.call.headers.referer) && (what === 'object' || acl.listings)) return true;
  const who = grantee(visit.call);
  return who !== undefined && isGranted(acl, who);
}

export function mayWriteContainer(visit: Visit, container: Container | undefined): boolean {
  if (isOwner(visit) || isSigned(visit, container)) return true;
  const who = grantee(visit.call);
  return who !== undefined && isGranted(parseAcl(container?.headers['x-container-write']), who);
}

/** For the segments of large objects, which may lie in other containers. */
export const readingOf = (visit: Visit): Reading => ({
  storage: visit.storage,
  account: visit.target.account,
  mayRead: (container) => mayReadContainer(visit, container, 'object'),
});

/** @throws Refusal 401 to nobody, 403 to somebody: neither hears what is there */
export function requireThat(isAllowed: boolean, { call, target }: Pick<Visit, 'call' | 'target'>): void {
  if (isAllowed) return;
  if (call.visitor !== undefined) throw new Refusal(403, 'Access was denied to this resource.');
  throw unauthorized(target.account);
}

export const unauthorized = (
  account: string,
  message = 'This server could not verify that you are authorized to access the document you requested.',
) => new Refusal(401, message, { headers: { 'www-authenticate': `Swift realm="${encodeURIComponent(account)}"` } });

/** @throws ObjectError 404 */
export function mustHaveContainer({ container }: Visit): Container {
  if (container === undefined) throw notFound();
  return container;
}

const HTML = { 'content-type': 'text/html; charset=UTF-8' };

/** An answer without a body; clients look for its type all the same. */
export const empty = (status: number, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { ...HTML, ...(status === 204 ? {} : { 'content-length': '0' }), ...headers },
});
