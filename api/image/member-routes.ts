import { addMember, getMember, listMembers, removeMember, setMemberStatus, type ImageMember } from '../../images/image-member-service.ts';
import { noContent, ok, Refusal } from '../service-plugin.ts';
import { findImage, targetOf } from './image-access.ts';
import { dbOf, type ImageCall, type ImageRoute } from './image-context.ts';
import { timeView } from './image-view.ts';

/** Sharing (api-ref "Sharing"): the owner sees all members, a member itself. */
const PATH = '/v2/images/:image_id/members';
const STATUSES = ['pending', 'accepted', 'rejected'];

const view = (member: ImageMember) => ({
  image_id: member.image_id,
  member_id: member.member,
  status: member.status,
  created_at: timeView(member.created_at),
  updated_at: timeView(member.updated_at),
  schema: '/v2/schemas/member',
});

function field(call: ImageCall, name: 'member' | 'status'): string {
  const value = (call.body as Record<string, unknown> | null | undefined)?.[name];
  if (typeof value !== 'string' || value === '' || value.length > 255)
    throw new Refusal(400, `'${name}' must be given in the request body`);
  return value;
}

async function sharedImage(call: ImageCall, rule: string) {
  const image = await findImage(call, rule);
  if (image.visibility !== 'shared') throw new Refusal(403, 'Only shared images have members.');
  return image;
}

/** Whoever does not own the image does not see with whom else it is shared. */
const seesAll = (call: ImageCall, owner: string | null) => owner === call.actor.projectId || call.allows('image:change_owner');

export const memberRoutes: readonly ImageRoute[] = [
  {
    method: 'GET',
    path: PATH,
    async handle(call) {
      const image = await sharedImage(call, 'image:get_members');
      const all = await listMembers(dbOf(call), image.id);
      const seen = seesAll(call, image.owner) ? all : all.filter(({ member }) => member === call.actor.projectId);
      return ok({ members: seen.map(view), schema: '/v2/schemas/members' });
    },
  },
  {
    method: 'POST',
    path: PATH,
    async handle(call) {
      const member = field(call, 'member');
      const image = await sharedImage(call, 'image:add_member');
      return ok(view(await addMember(dbOf(call), image.id, member)));
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:member_id`,
    async handle(call) {
      const image = await findImage(call, 'image:get_member');
      const member = call.params['member_id']!;
      if (!seesAll(call, image.owner) && member !== call.actor.projectId) throw new Refusal(404, `Member ${member} was not found.`);
      return ok(view(await getMember(dbOf(call), image.id, member)));
    },
  },
  {
    method: 'PUT',
    path: `${PATH}/:member_id`,
    async handle(call) {
      const status = field(call, 'status');
      if (!STATUSES.includes(status)) throw new Refusal(400, `${status} is not one of ${STATUSES.join(', ')}`);
      const image = await findImage(call, 'image:get_image');
      const member = call.params['member_id']!;
      if (!seesAll(call, image.owner) && member !== call.actor.projectId) throw new Refusal(404, `Member ${member} was not found.`);
      call.require('image:modify_member', { ...(await targetOf(call, image)), member_id: member });
      return ok(view(await setMemberStatus(dbOf(call), image.id, member, status)));
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:member_id`,
    async handle(call) {
      const image = await sharedImage(call, 'image:delete_member');
      await removeMember(dbOf(call), image.id, call.params['member_id']!);
      return noContent;
    },
  },
];
