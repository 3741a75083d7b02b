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
  const pattern = readPattern(rule.path);
  const withoutPrefix = /^\/[a-z-]+(?=\/v\d)/.exec(path)?.[0];
  return fits(pattern, path) || (withoutPrefix !== undefined && fits(pattern, path.slice(withoutPrefix.length)));
}

/** A text that must be there, or a gap: at least one character within a segment, or anything. */
type Part = { readonly text: string } | { readonly gap: 'segment' | 'any' };

const readPattern = (path: string): Part[] =>
  path
    .split(/(\*\*|\*|\{[^}]*\}|\$\([^)]*\)s)/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece === '**' ? { gap: 'any' } : piece === '*' || /^(\{|\$\()/.test(piece) ? { gap: 'segment' } : { text: piece }));

/**
 * All ends that the parts so far can have in the path, part by part: no expression that a user writes can make it slow, as a
 * regular expression of many gaps would be.
 */
function fits(pattern: readonly Part[], path: string): boolean {
  let ends = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    for (const at of ends) {
      if ('text' in part) {
        if (path.startsWith(part.text, at)) next.add(at + part.text.length);
        continue;
      }
      if (part.gap === 'any') next.add(at);
      for (let end = at; end < path.length && (part.gap === 'any' || path[end] !== '/'); end += 1) {
        // Where another start has been, the rest has been seen.
        if (next.has(end + 1)) break;
        next.add(end + 1);
      }
    }
    ends = next;
  }
  return ends.has(path.length);
}
