import { countConsumers, readUsages, type UsageRow } from '../../compute/placement-allocation-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { answerJson, checkQuery } from './placement-body.ts';
import type { PlacementRoute } from './placement-context.ts';

/** What a project uses; from 1.38 on by type of consumer. */
const TYPES_SINCE = 38;
const NAME: JsonSchema = { type: 'string', minLength: 1, maxLength: 255 };

const querySchema = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    project_id: NAME,
    user_id: NAME,
    ...(minor >= TYPES_SINCE
      ? { consumer_type: { type: 'string', pattern: '^([A-Z0-9_]+|all|unknown)$', minLength: 1, maxLength: 255 } }
      : {}),
  },
  required: ['project_id'],
  additionalProperties: false,
});

function sumByClass(rows: readonly UsageRow[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { resourceClass, used } of rows) sums[resourceClass] = (sums[resourceClass] ?? 0) + Number(used);
  return sums;
}

export const usageRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/usages',
    since: 9,
    query: ['project_id', 'user_id', 'consumer_type'],
    async handle(call) {
      call.require('placement:usages', { project_id: call.query.get('project_id') });
      checkQuery(call, querySchema(call.minor));
      const [userId, type] = [call.query.get('user_id'), call.query.get('consumer_type')];
      const filter = {
        projectId: call.query.get('project_id')!,
        ...(userId === null ? {} : { userId }),
        ...(type === null || type === 'all' ? {} : { consumerType: type }),
      };
      const { db } = call.context.database;
      const rows = await readUsages(db, filter);
      if (call.minor < TYPES_SINCE) return answerJson(call, { usages: sumByClass(rows) });
      const counts = await countConsumers(db, filter);
      const countOf = (wanted: (name: string | null) => boolean) =>
        [...counts].filter(([name]) => wanted(name)).reduce((sum, [, n]) => sum + n, 0);
      if (type === 'all')
        return answerJson(call, { usages: rows.length === 0 ? {} : { all: { consumer_count: countOf(() => true), ...sumByClass(rows) } } });
      const usages = [...Map.groupBy(rows, (row) => row.consumerType)].map(([name, some]) => [
        name ?? 'unknown',
        { consumer_count: countOf((each) => each === name), ...sumByClass(some) },
      ]);
      return answerJson(call, { usages: Object.fromEntries(usages) });
    },
  },
];
