import { clearCache, fillCacheSoon, listCache, queueForCache, removeFromCache } from '../../images/image-cache-service.ts';
import { IMPORT_METHODS, listTasks, getTask } from '../../images/image-import-service.ts';
import { IMAGE_QUOTAS, imageUsage } from '../../images/image-quota-service.ts';
import { noContent, ok, Refusal } from '../service-plugin.ts';
import { projectSeen } from './image-access.ts';
import { dbOf, type ImageRoute } from './image-context.ts';
import { limitsOf } from './image-limits.ts';
import { taskView } from './image-view.ts';

/** What this service can do, its tasks, and its cache (api-ref "Image service info", "Tasks", "Cache management"). */
const CACHE_TARGET = 'x-image-cache-clear-target';

export const infoRoutes: readonly ImageRoute[] = [
  {
    method: 'GET',
    path: '/v2/info/import',
    async handle() {
      return ok({ 'import-methods': { description: 'Import methods available.', type: 'array', value: IMPORT_METHODS } });
    },
  },
  {
    method: 'GET',
    path: '/v2/info/stores',
    async handle(call) {
      const stores = call.context.data.stores.all;
      return ok({
        stores: stores.map(({ id, description }, at) => ({
          id,
          description: at === 0 ? `the default: ${id}` : description.replace(/ in .*/, ''),
          ...(at === 0 ? { default: 'true' } : {}),
        })),
      });
    },
  },
  {
    method: 'GET',
    path: '/v2/info/stores/detail',
    async handle(call) {
      call.require('image:stores_info_detail');
      return ok({
        stores: call.context.data.stores.all.map(({ id, kind, description }, at) => ({
          id,
          type: kind,
          description,
          weight: 0,
          properties: {},
          ...(at === 0 ? { default: 'true' } : {}),
        })),
      });
    },
  },
  {
    method: 'GET',
    path: '/v2/info/usage',
    async handle(call) {
      const { projectId } = call.actor;
      if (projectId === null) throw new Refusal(400, 'Usage is that of a project: this token has none.');
      const [limits, usage] = [await limitsOf(call, projectId), await imageUsage(dbOf(call), projectId)];
      return ok({ usage: Object.fromEntries(IMAGE_QUOTAS.map((name) => [name, { limit: limits.get(name) ?? -1, usage: usage[name] }])) });
    },
  },
  {
    method: 'GET',
    path: '/v2/tasks',
    query: ['type', 'status', 'limit', 'marker'],
    async handle(call) {
      call.require('image:tasks_api_access');
      const [type, status] = [call.query.get('type'), call.query.get('status')];
      const tasks = await listTasks(dbOf(call), {
        owner: projectSeen(call),
        ...(type === null ? {} : { type }),
        ...(status === null ? {} : { status }),
      });
      return ok({ tasks: tasks.map(taskView), first: '/v2/tasks', schema: '/v2/schemas/tasks' });
    },
  },
  {
    method: 'POST',
    path: '/v2/tasks',
    async handle(call) {
      call.require('image:tasks_api_access');
      throw new Refusal(400, 'Tasks are made by imports: POST /v2/images/{image_id}/import.');
    },
  },
  {
    method: 'GET',
    path: '/v2/tasks/:task_id',
    async handle(call) {
      call.require('image:tasks_api_access');
      return ok(taskView(await getTask(dbOf(call), call.params['task_id']!)));
    },
  },
  {
    method: 'GET',
    path: '/v2/cache',
    async handle(call) {
      call.require('image:manage_image_cache');
      const all = await listCache(dbOf(call));
      return ok({
        queued_images: all.filter(({ state }) => state === 'queued').map((one) => one.image_id),
        cached_images: all
          .filter(({ state }) => state === 'cached')
          .map((one) => ({
            image_id: one.image_id,
            hits: one.hits,
            last_accessed: one.last_accessed.getTime() / 1000,
            last_modified: one.last_modified.getTime() / 1000,
            size: one.size ?? 0,
          })),
      });
    },
  },
  {
    method: 'PUT',
    path: '/v2/cache/:image_id',
    async handle(call) {
      call.require('image:manage_image_cache');
      await queueForCache(dbOf(call), call.params['image_id']!);
      fillCacheSoon(call.context.data);
      return { status: 202 };
    },
  },
  {
    method: 'DELETE',
    path: '/v2/cache/:image_id',
    async handle(call) {
      call.require('image:manage_image_cache');
      await removeFromCache(call.context.data, call.params['image_id']!);
      return noContent;
    },
  },
  {
    method: 'DELETE',
    path: '/v2/cache',
    async handle(call) {
      call.require('image:manage_image_cache');
      const target = String(call.headers[CACHE_TARGET] ?? 'both');
      if (target !== 'cache' && target !== 'queue' && target !== 'both' && target !== '')
        throw new Refusal(400, `${CACHE_TARGET} is cache, queue or both, not ${target}`);
      await clearCache(call.context.data, target === '' ? 'both' : target);
      return noContent;
    },
  },
];
