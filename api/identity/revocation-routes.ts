import { badRequest } from '../../identity/identity-error.ts';
import { isoTime, parseTime } from '../../identity/iso-time.ts';
import { readRevocations, type RevocationRecord } from '../../identity/revocation-service.ts';
import { ok, type IdentityRoute } from './identity-route.ts';

/** OS-REVOKE: for services that judge tokens by themselves. */
const NAMES: Readonly<Record<string, keyof RevocationRecord>> = {
  audit_id: 'audit_id',
  audit_chain_id: 'audit_chain_id',
  user_id: 'user_id',
  project_id: 'project_id',
  domain_id: 'domain_id',
  role_id: 'role_id',
  'OS-TRUST:trust_id': 'trust_id',
  'OS-OAUTH1:consumer_id': 'consumer_id',
  'OS-OAUTH1:access_token_id': 'access_token_id',
};

const view = (event: RevocationRecord) => ({
  ...Object.fromEntries(Object.entries(NAMES).flatMap(([name, column]) => (event[column] === null ? [] : [[name, event[column]]]))),
  issued_before: isoTime(event.issued_before.getTime()),
});

export const revocationRoutes: readonly IdentityRoute[] = [
  {
    method: 'GET',
    path: '/OS-REVOKE/events',
    handle: async (call) => {
      call.require('identity:list_revoke_events');
      const since = call.query['since'];
      const after = since === undefined ? 0 : parseTime(String(since));
      if (after === undefined) throw badRequest(`invalidate date format ${String(since)}`);
      const { all } = await readRevocations(call.identity.db);
      const events = all.filter((event) => event.revoked_at.getTime() >= after).map(view);
      return ok({ events, links: { next: null, self: `${call.base}/OS-REVOKE/events`, previous: null } });
    },
  },
];
