import type { BmcErrorCode } from '../capability.ts';

/** What an HTTP status of a Redfish service means for the caller. */
export function explainRedfishError(status: number): { readonly code: BmcErrorCode; readonly advice: string } {
  if (status === 401) return { code: 'auth', advice: 'Correct the user name or password of this BMC.' };
  if (status === 403) return { code: 'auth', advice: 'Give the BMC user administrator rights.' };
  if (status === 404 || status === 405 || status === 501)
    return { code: 'unsupported', advice: 'This BMC lacks the resource; try IPMI, or newer firmware.' };
  if (status === 412) return { code: 'busy', advice: 'Another client changes the same resource; try again.' };
  if (status === 409 || status === 429 || status === 503)
    return { code: 'busy', advice: 'The BMC is busy or the system is in another state; try again.' };
  if (status >= 500) return { code: 'protocol', advice: 'The BMC failed; restart it if this lasts.' };
  return { code: 'refused', advice: 'The BMC does not accept this value; its message says which.' };
}
