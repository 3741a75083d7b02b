import type { Selection } from '../../identity/list-query-policy.ts';
import { ok, type Answer, type Call } from './identity-route.ts';

/** Keystone's lists and members: every one links to itself. */
export const withLink = (call: Call, plural: string, view: { readonly id: string }, more: object = {}): object => ({
  ...view,
  ...more,
  links: { self: `${call.base}/${plural}/${encodeURIComponent(view.id)}` },
});

/** A page that is full may have a next one: after its last id. */
export function listAnswer(call: Call, name: string, views: readonly object[], selection?: Selection): Answer {
  const full = selection?.limit !== undefined && views.length === selection.limit;
  const last = (views.at(-1) as { id?: string } | undefined)?.id;
  return ok({
    [name]: views,
    links: { next: full && last !== undefined ? nextUrl(call, last) : null, self: call.url, previous: null },
    ...(full ? { truncated: true } : {}),
  });
}

function nextUrl(call: Call, marker: string): string {
  const url = new URL(call.url);
  url.searchParams.set('marker', marker);
  return url.href;
}
