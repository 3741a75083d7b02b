/**
 * OpenStack's policy language: text ↔ a tree of checks. Grammar: `not` binds tightest, then `and`, then `or`; parentheses;
 * `@` and the empty text allow, `!` denies; every other word is KIND:MATCH. Lists of lists (its oldest form) are read too.
 */
export type Check =
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'not'; readonly check: Check }
  | { readonly kind: 'and' | 'or'; readonly checks: readonly Check[] }
  | { readonly kind: 'match'; readonly left: string; readonly right: string };

export class PolicySyntaxError extends Error {
  override readonly name = 'PolicySyntaxError';
}

/** Quotes keep spaces; a parenthesis sticks to its word only as far as it opens or closes (`%(a)s` stays whole). */
function words(text: string): string[] {
  const found: string[] = [];
  for (const piece of text.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []) {
    let word = piece;
    while (word.startsWith('(')) {
      found.push('(');
      word = word.slice(1);
    }
    const closing: string[] = [];
    while (word.endsWith(')') && count(word, ')') > count(word, '(')) {
      closing.push(')');
      word = word.slice(0, -1);
    }
    if (word !== '') found.push(word);
    found.push(...closing);
  }
  return found;
}

const count = (text: string, character: string) => text.split(character).length - 1;

/** @throws PolicySyntaxError */
export function parseCheck(rule: unknown): Check {
  if (Array.isArray(rule)) return parseLists(rule);
  if (typeof rule !== 'string') throw new PolicySyntaxError(`a rule is text, not ${typeof rule}`);
  const left = words(rule);
  if (left.length === 0) return { kind: 'allow' };
  const parsed = parseOr(left);
  if (left.length > 0) throw new PolicySyntaxError(`nothing may follow here: ${left.join(' ')}`);
  return parsed;
}

function parseLists(rule: readonly unknown[]): Check {
  if (rule.length === 0) return { kind: 'allow' };
  const alternatives = rule.map((inner): Check => {
    const all = (Array.isArray(inner) ? inner : [inner]).map((word) => parseWord(String(word)));
    return all.length === 1 ? all[0]! : { kind: 'and', checks: all };
  });
  return alternatives.length === 1 ? alternatives[0]! : { kind: 'or', checks: alternatives };
}

function parseOr(left: string[]): Check {
  const checks = [parseAnd(left)];
  while (left[0]?.toLowerCase() === 'or') {
    left.shift();
    checks.push(parseAnd(left));
  }
  return checks.length === 1 ? checks[0]! : { kind: 'or', checks };
}

function parseAnd(left: string[]): Check {
  const checks = [parseNot(left)];
  while (left[0]?.toLowerCase() === 'and') {
    left.shift();
    checks.push(parseNot(left));
  }
  return checks.length === 1 ? checks[0]! : { kind: 'and', checks };
}

function parseNot(left: string[]): Check {
  if (left[0]?.toLowerCase() !== 'not') return parseOne(left);
  left.shift();
  return { kind: 'not', check: parseNot(left) };
}

function parseOne(left: string[]): Check {
  const word = left.shift();
  if (word === undefined) throw new PolicySyntaxError('a check is missing at the end');
  if (word !== '(') return parseWord(word);
  const inner = parseOr(left);
  if (left.shift() !== ')') throw new PolicySyntaxError('a parenthesis is not closed');
  return inner;
}

function parseWord(word: string): Check {
  if (word === '@') return { kind: 'allow' };
  if (word === '!') return { kind: 'deny' };
  const colon = word.indexOf(':');
  if (colon < 1) throw new PolicySyntaxError(`"${word}" is not KIND:MATCH`);
  return { kind: 'match', left: word.slice(0, colon), right: word.slice(colon + 1) };
}

export function printCheck(check: Check): string {
  switch (check.kind) {
    case 'allow':
      return '@';
    case 'deny':
      return '!';
    case 'match':
      return `${check.left}:${check.right}`;
    case 'not':
      return `not ${check.check.kind === 'and' || check.check.kind === 'or' ? `(${printCheck(check.check)})` : printCheck(check.check)}`;
    default:
      return check.checks
        .map((inner) => (inner.kind === 'or' || inner.kind === 'and' ? `(${printCheck(inner)})` : printCheck(inner)))
        .join(` ${check.kind} `);
  }
}
