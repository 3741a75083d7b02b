import { auditInstallation, FOUND_SHOWN_MAX } from '../../flows/audit-installation.ts';
import { ok, type BaremetalRoute } from './baremetal-route.ts';

/** Our addition: what should not be in the whole installation, for its administrators. */
export const auditRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/audit',
    async handle(call) {
      call.require('audit:get');
      const checks = await auditInstallation({ db: call.context.database.db, ...call.context.audit });
      return ok({
        clean: checks.every(({ error, found }) => error === null && found.length === 0),
        checks: checks.map(({ check, error, found }) => ({ check, count: found.length, error, found: found.slice(0, FOUND_SHOWN_MAX) })),
      });
    },
  },
];
