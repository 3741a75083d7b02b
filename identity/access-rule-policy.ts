import type { AccessRule } from './application-credential-record.ts';

/**
 * Does a rule of an application credential cover a call? Paths may hold `{name}` for one segment, `*` for part of one and
 * `**` for several, as in the Identity API's "Application Credentials". A service's prefix (`/baremetal`) may be left out.
 */
export function accessRuleAllows(
  rule: Pick<AccessRule, 'service' | 'path' | 'method'>,
  service: string,
  method: string,
  path: string,
): boolean {
  if (rule.service !== service || rule.method !== method) return false;
  const pattern = toPattern(rule.path);
  const withoutPrefix = /^\/[a-z-]+(?=\/v\d)/.exec(path)?.[0];
  return pattern.test(path) || (withoutPrefix !== undefined && pattern.test(path.slice(withoutPrefix.length)));
}

const patterns = new Map<string, RegExp>();
/** Rules are users' texts: compiled once each, and forgotten together when there are too many. */
const PATTERNS_MAX = 5_000;

function toPattern(path: string): RegExp {
  const known = patterns.get(path);
  if (known) return known;
  const source = path
    .split(/(\*\*|\*|\{[^}]*\}|\$\([^)]*\)s)/)
    .map((part) => (part === '**' ? '.*' : part === '*' || /^[{$]/.test(part) ? '[^/]+' : part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')))
    .join('');
  const pattern = new RegExp(`^${source}$`);
  if (patterns.size >= PATTERNS_MAX) patterns.clear();
  patterns.set(path, pattern);
  return pattern;
}
