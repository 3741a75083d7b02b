import { auditInstallation, FOUND_SHOWN_MAX, SETTLING_SECONDS } from '../../flows/audit-installation.ts';
import { RequestRefused } from './baremetal-error.ts';
import { ok, type BaremetalRoute } from './baremetal-route.ts';
import { toInteger } from './query-values.ts';

/** A day: who asks for more asks for nothing. */
const SETTLING_SECONDS_MAX = 86_400;

/** Our addition: what should not be in the whole installation, for its administrators. */
export const auditRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/audit',
    query: ['settling_seconds'],
    async handle(call) {
      call.require('audit:get');
      const settlingSeconds = toInteger('settling_seconds', call.query['settling_seconds']) ?? SETTLING_SECONDS;
      if (settlingSeconds < 0 || settlingSeconds > SETTLING_SECONDS_MAX)
        throw new RequestRefused(400, `settling_seconds is not between 0 and ${SETTLING_SECONDS_MAX}`);
      const checks = await auditInstallation({ db: call.context.database.db, settlingSeconds, ...call.context.audit });
      return ok({
        clean: checks.every(({ error, found }) => error === null && found.length === 0),
        checks: checks.map(({ check, error, found }) => ({ check, count: found.length, error, found: found.slice(0, FOUND_SHOWN_MAX) })),
      });
    },
  },
];
