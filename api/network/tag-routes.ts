import { inTransaction, lockSeen, seenRow } from '../../network/resource-service.ts';
import type { Resource } from '../../network/resource.ts';
import { RESOURCES } from '../../network/resources.ts';
import { readTag, readTags, tagNotFound, writeTags } from '../../network/tag-service.ts';
import { noContent, ok, type Answer } from '../service-plugin.ts';
import { actorOf, requireChange, ruleName, type NetworkCall } from './network-access.ts';
import { VERSION, type NetworkRoute } from './resource-routes.ts';

/** Tags of every noun that has them. */
const TAGGED = RESOURCES.filter((resource) => 'tags' in resource.attributes && resource.parent === undefined && resource.derived !== true);

async function change(
  call: NetworkCall,
  resource: Resource,
  decide: (tags: readonly string[]) => readonly string[],
): Promise<readonly string[]> {
  const actor = actorOf(call);
  return inTransaction(call.context.db, async (trx) => {
    const row = await lockSeen(trx, actor, resource, call.params['id']!);
    await requireChange(call, trx, resource, 'update', row, {}, `${ruleName(resource, 'update')}:tags`);
    const tags = decide(row['tags'] as string[]);
    await writeTags(trx, resource, row, tags);
    return tags;
  });
}

const tagsOf = async (call: NetworkCall, resource: Resource): Promise<string[]> =>
  (await seenRow({ trx: call.context.db, actor: actorOf(call) }, resource, call.params['id']!))['tags'] as string[];

function routesAt(path: string, resource: Resource): NetworkRoute[] {
  const all = `${VERSION}${path}/:id/tags`;
  const one = `${all}/:tag`;
  const route = (method: NetworkRoute['method'], at: string, handle: (call: NetworkCall) => Promise<Answer>): NetworkRoute => ({
    method,
    path: at,
    handle,
  });
  return [
    route('GET', all, async (call) => ok({ tags: await tagsOf(call, resource) })),
    route('PUT', all, async (call) => {
      const wanted = readTags((call.body as { tags?: unknown } | undefined)?.tags);
      return ok({ tags: await change(call, resource, () => wanted) });
    }),
    route('POST', all, async (call) => {
      const more = readTags((call.body as { tags?: unknown } | undefined)?.tags);
      return ok({ tags: await change(call, resource, (tags) => [...new Set([...tags, ...more])]) });
    }),
    route('DELETE', all, async (call) => {
      await change(call, resource, () => []);
      return noContent;
    }),
    route('GET', one, async (call) => {
      if (!(await tagsOf(call, resource)).includes(call.params['tag']!)) throw tagNotFound(call.params['tag']!);
      return noContent;
    }),
    route('PUT', one, async (call) => {
      const tag = readTag(call.params['tag']);
      await change(call, resource, (tags) => (tags.includes(tag) ? tags : [...tags, tag]));
      return { status: 201 };
    }),
    route('DELETE', one, async (call) => {
      const tag = call.params['tag']!;
      await change(call, resource, (tags) => {
        if (!tags.includes(tag)) throw tagNotFound(tag);
        return tags.filter((each) => each !== tag);
      });
      return noContent;
    }),
  ];
}

/** Policies are tagged without `/qos` in front too, as Neutron's own clients do. */
export const tagRoutes: readonly NetworkRoute[] = TAGGED.flatMap((resource) => [
  ...routesAt(resource.path, resource),
  ...(resource.path.startsWith('/qos/') ? routesAt(resource.path.slice('/qos'.length), resource) : []),
]);
