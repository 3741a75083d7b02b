import { ok } from '../service-plugin.ts';
import type { ComputeCall, ComputeRoute } from './compute-context.ts';
import { readPage, requireKnownQuery } from './compute-page.ts';

/** Machines do not move: there is none, and there was none. */
const PAGES_SINCE = 59;
const QUERY = [
  'hidden',
  'host',
  'instance_uuid',
  'source_compute',
  'status',
  'migration_type',
  'changes-since',
  'changes-before',
  'limit',
  'marker',
  'user_id',
  'project_id',
];

export const migrationRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: '/v2.1/os-migrations',
    query: QUERY,
    async handle(call: ComputeCall) {
      call.require('os_compute_api:os-migrations:index');
      if (call.minor >= PAGES_SINCE) readPage(call);
      requireKnownQuery(call, QUERY);
      return ok({ migrations: [] });
    },
  },
];
