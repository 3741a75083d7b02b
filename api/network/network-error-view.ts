import type { ToldRefusal } from '../service-plugin.ts';
import { Refusal } from '../service-plugin.ts';
import { NetworkError } from '../../network/network-error.ts';

/** Refusals as Neutron's clients expect them: `type` is the name they match on. */
const TYPES: Readonly<Record<number, string>> = {
  400: 'HTTPBadRequest',
  403: 'PolicyNotAuthorized',
  404: 'HTTPNotFound',
  405: 'HTTPMethodNotAllowed',
  409: 'HTTPConflict',
  413: 'HTTPRequestEntityTooLarge',
  500: 'HTTPInternalServerError',
  503: 'HTTPServiceUnavailable',
};

export function networkErrorBody({ status, title, message, type }: ToldRefusal): { readonly body: unknown } {
  // Who has no token meets the middleware in front of Neutron.
  if (status === 401) return { body: { error: { code: 401, title, message } } };
  return { body: { NeutronError: { type: type ?? TYPES[status] ?? `HTTP${title.replaceAll(' ', '')}`, message, detail: '' } } };
}

const FOREIGN_KEY = '23503';

/** Rows that others still need, or that went while they were needed. */
export function explainNetworkError(error: unknown): Refusal | undefined {
  if (error instanceof NetworkError) return new Refusal(error.status, error.message, { type: error.type });
  if ((error as { code?: string }).code === FOREIGN_KEY)
    return new Refusal(409, 'Something that this needs has just gone, or something has just come to need this.', { type: 'Conflict' });
  return undefined;
}
