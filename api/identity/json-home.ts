import type { IdentityRoute } from './identity-route.ts';

/**
 * JSON-Home (draft-nottingham-json-home-03): every resource by its relation, derived from the routes, so that it can not
 * forget one. Relations are OpenStack's documentation addresses.
 */
const DOCS = 'https://docs.openstack.org/api/openstack-identity/3';

interface HomeResource {
  readonly href?: string;
  readonly 'href-template'?: string;
  readonly 'href-vars'?: Readonly<Record<string, string>>;
}

/** `/OS-TRUST/trusts/:trust_id` is the extension OS-TRUST's `trust`. */
export function relationOf(path: string): string {
  const parts = path.split('/').filter(Boolean);
  const extension = parts.find((part) => /^OS-[A-Z0-9-]+$/.test(part));
  const words = parts.filter((part) => part !== extension);
  const names = words.flatMap((part, at) => {
    if (part.startsWith(':')) return [];
    return [words[at + 1]?.startsWith(':') ? singular(part) : part];
  });
  const name = names.join('_').replaceAll('-', '_').toLowerCase();
  return extension === undefined ? `${DOCS}/rel/${name}` : `${DOCS}/ext/${extension}/1.0/rel/${name}`;
}

const singular = (word: string) => (word.endsWith('ies') ? `${word.slice(0, -3)}y` : word.endsWith('s') ? word.slice(0, -1) : word);

export function jsonHome(routes: readonly IdentityRoute[]): { resources: Record<string, HomeResource> } {
  const resources: Record<string, HomeResource> = {};
  for (const path of new Set(routes.map((route) => route.path))) {
    const variables = [...path.matchAll(/:([a-z_0-9]+)/g)].map((match) => match[1]!);
    const template = `/v3${path.replace(/:([a-z_0-9]+)/g, '{$1}')}`;
    resources[relationOf(path)] =
      variables.length === 0
        ? { href: template }
        : { 'href-template': template, 'href-vars': Object.fromEntries(variables.map((name) => [name, `${DOCS}/param/${name}`])) };
  }
  return { resources };
}
