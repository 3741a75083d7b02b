/*
 * Access control lists of containers, in Swift's form: `.r:*`, `.r:-host`, `.rlistings`, `project:user`, `*:*`, role names; separated by commas.
 */
export interface Acl {
  /** Hosts of the `Referer`, in order; the last that matches counts. */
  readonly referrers: readonly string[];
  readonly listings: boolean;
  readonly grants: readonly string[];
}

const REFERRER_NAMES = new Set(['.r', '.ref', '.referer', '.referrer']);

/** The list as it is kept. @throws Error with what Swift's clients are told */
export function cleanAcl(header: 'X-Container-Read' | 'X-Container-Write', value: string): string {
  const parts = value.split(',').map((part) => part.trim());
  return parts
    .filter((part) => part !== '')
    .map((part) => cleanPart(header, part))
    .join(',');
}

function cleanPart(header: string, part: string): string {
  if (!part.includes(':') || !part.startsWith('.')) return part;
  const [first, second] = splitOnce(part, ':');
  if (!REFERRER_NAMES.has(first.toLowerCase())) throw new Error(`Unknown designator ${first} in ACL: ${part}`);
  if (header === 'X-Container-Write') throw new Error(`Referrers not allowed in write ACL: ${part}`);
  const isNegative = second.startsWith('-');
  const rest = (isNegative ? second.slice(1) : second).trim();
  const host = rest !== '*' && rest.startsWith('*') ? rest.slice(1).trim() : rest;
  if (host === '' || host === '.') throw new Error(`No host/domain value after referrer designation in ACL: ${part}`);
  return `.r:${isNegative ? '-' : ''}${host}`;
}

const splitOnce = (text: string, sign: string): [string, string] => {
  const at = text.indexOf(sign);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
};

export function parseAcl(value: string | undefined): Acl {
  const parts = (value ?? '').split(',').filter((part) => part !== '');
  return {
    referrers: parts.filter((part) => part.startsWith('.r:')).map((part) => part.slice(3)),
    listings: parts.includes('.rlistings'),
    grants: parts.filter((part) => !part.startsWith('.')),
  };
}

/** Of a `Referer` header: `http://user@example.com:80/page` is `example.com`. */
function hostOf(referrer: string | undefined): string {
  const match = /^https?:\/\/(?:[^/@]*@)?([^/:?#]+)/i.exec(referrer ?? '');
  return match?.[1]?.toLowerCase() ?? 'unknown';
}

export function referrerAllowed({ referrers }: Acl, referrer: string | undefined): boolean {
  const host = hostOf(referrer);
  const matches = (pattern: string) => pattern === '*' || pattern === host || (pattern.startsWith('.') && host.endsWith(pattern));
  const last = referrers.findLast((one) => matches(one.startsWith('-') ? one.slice(1) : one));
  return last !== undefined && !last.startsWith('-');
}

export interface Grantee {
  readonly userId: string;
  readonly userName: string;
  readonly projectId: string | null;
  readonly projectName: string | null;
  /** Both of the default domain: names of others are not theirs alone. */
  readonly mayUseNames: boolean;
  readonly roles: readonly string[];
}

/** `project:user` by ids, by names where these are unambiguous, with `*` for either; or the name of a role. */
export function isGranted({ grants }: Acl, who: Grantee): boolean {
  const users = ['*', who.userId, ...(who.mayUseNames ? [who.userName] : [])];
  const projects = [
    '*',
    ...(who.projectId === null ? [] : [who.projectId]),
    ...(who.mayUseNames && who.projectName !== null ? [who.projectName] : []),
  ];
  const pairs = new Set(projects.flatMap((project) => users.map((user) => `${project}:${user}`)));
  const roles = new Set(who.roles.map((role) => role.toLowerCase()));
  return grants.some((grant) => pairs.has(grant) || (!grant.includes(':') && roles.has(grant.toLowerCase())));
}
