import { projectQuotas } from '../../compute/compute-quota-service.ts';
import { createKeypair, deleteKeypair, listKeypairs, readKeypair, type Keypair, type KeypairType } from '../../compute/keypair-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { readBody, wrapped } from './compute-body.ts';
import { dbOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { plainTime, readPage, requireKnownQuery, PAGE_MAX } from './compute-page.ts';

/** Key pairs of the caller; an administrator names another user from 2.10 on. */
const TYPES_SINCE = 2;
const USERS_SINCE = 10;
const PAGES_SINCE = 35;
const MORE_SIGNS_SINCE = 92;

const view = (call: ComputeCall, { name, public_key, fingerprint, type }: Keypair) => ({
  name,
  public_key,
  fingerprint,
  ...(call.minor >= TYPES_SINCE ? { type } : {}),
});

const createSchema = (minor: number): JsonSchema =>
  wrapped('keypair', {
    type: 'object',
    properties: {
      name: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        pattern: `^(?! )[a-zA-Z0-9 _${minor >= MORE_SIGNS_SINCE ? '@.' : ''}-]+(?<! )$`,
      },
      public_key: { type: 'string' },
      ...(minor >= TYPES_SINCE ? { type: { type: 'string', enum: ['ssh', 'x509'] } } : {}),
      ...(minor >= USERS_SINCE ? { user_id: { type: 'string', minLength: 1, maxLength: 255 } } : {}),
    },
    // From 2.92 on no private keys are made for anybody.
    required: minor >= MORE_SIGNS_SINCE ? ['name', 'public_key'] : ['name'],
    additionalProperties: false,
  });

interface CreateBody {
  readonly keypair: { readonly name: string; readonly public_key?: string; readonly type?: KeypairType; readonly user_id?: string };
}

async function create(call: ComputeCall): Promise<Answer> {
  const { keypair: asked } = readBody<CreateBody>(call, createSchema(call.minor));
  const userId = asked.user_id ?? call.actor.userId;
  call.require('os_compute_api:os-keypairs:create', { user_id: userId });
  const { key_pairs: most } = await projectQuotas(dbOf(call), call.actor.projectId ?? '', userId);
  const { keypair, privateKey } = await createKeypair(dbOf(call), {
    userId,
    name: asked.name,
    type: asked.type ?? 'ssh',
    publicKey: asked.public_key,
    most,
  });
  const shown = { ...view(call, keypair), user_id: userId, ...(privateKey === undefined ? {} : { private_key: privateKey }) };
  return { status: call.minor >= TYPES_SINCE ? 201 : 200, body: { keypair: shown } };
}

/** Whose key pairs are meant. @throws Refusal 403 */
function userOf(call: ComputeCall, rule: string): string {
  const userId = (call.minor >= USERS_SINCE ? call.query.get('user_id') : null) ?? call.actor.userId;
  call.require(`os_compute_api:os-keypairs:${rule}`, { user_id: userId });
  return userId;
}

async function list(call: ComputeCall): Promise<Answer> {
  const names = [...(call.minor >= USERS_SINCE ? ['user_id'] : []), ...(call.minor >= PAGES_SINCE ? ['limit', 'marker'] : [])];
  requireKnownQuery(call, names);
  const page = call.minor >= PAGES_SINCE ? readPage(call) : { limit: PAGE_MAX, marker: undefined };
  const found = await listKeypairs(dbOf(call), userOf(call, 'index'), page);
  const last = found.at(-1);
  const links =
    call.minor >= PAGES_SINCE && last !== undefined && found.length === page.limit
      ? { keypairs_links: [{ rel: 'next', href: `${call.base}/v2.1/os-keypairs?${nextQuery(call, last.name)}` }] }
      : {};
  return ok({ keypairs: found.map((keypair) => ({ keypair: view(call, keypair) })), ...links });
}

function nextQuery(call: ComputeCall, marker: string): string {
  const query = new URLSearchParams(call.query);
  query.set('marker', marker);
  return query.toString();
}

const PATH = '/v2.1/os-keypairs';

export const keypairRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: PATH, query: ['user_id', 'limit', 'marker'], handle: list },
  { method: 'POST', path: PATH, handle: create },
  {
    method: 'GET',
    path: `${PATH}/:name`,
    query: ['user_id'],
    async handle(call) {
      const keypair = await readKeypair(dbOf(call), userOf(call, 'show'), call.params['name']!);
      const shown = {
        ...view(call, keypair),
        id: keypair.seq,
        user_id: keypair.user_id,
        created_at: plainTime(keypair.created_at),
        updated_at: null,
        deleted_at: null,
        deleted: false,
      };
      return ok({ keypair: shown });
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:name`,
    query: ['user_id'],
    async handle(call) {
      const name = call.params['name']!;
      if (name === '') throw new Refusal(404, 'A key pair has a name.');
      await deleteKeypair(dbOf(call), userOf(call, 'delete'), name);
      return { status: call.minor >= TYPES_SINCE ? 204 : 202 };
    },
  },
];
