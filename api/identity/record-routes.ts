import type { z } from 'zod';
import { badRequest } from '../../identity/identity-error.ts';
import { newId } from '../../identity/identity-id.ts';
import { readSelection, type Filters } from '../../identity/list-query-policy.ts';
import {
  createRecord,
  deleteRecord,
  listRecords,
  mustFindRecord,
  updateRecord,
  type RecordKind,
  type StoredRecord,
} from '../../identity/record-service.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { created, noContent, ok, type Call, type IdentityRoute } from './identity-route.ts';

/** The five routes of a noun that is a plain record. */
export interface RecordRoutes {
  readonly kind: RecordKind;
  /** `/regions`, `/OS-FEDERATION/mappings`. */
  readonly path: string;
  readonly singular: string;
  readonly plural: string;
  readonly create: z.ZodType<object>;
  readonly change: z.ZodType<object>;
  /** With PUT to a name that the caller chooses, or with POST. */
  readonly byPut?: true;
  readonly filters?: Filters;
  /** Of rules, when it differs from the noun: `identity:create_policy`. */
  readonly rule?: readonly [one: string, many: string];
  /** Not found for everyone when it is not there, as Keystone has it for some; else who may not look learns nothing. */
  readonly existenceIsOpen?: true;
  readonly prepare?: (given: Record<string, unknown>, call: Call) => Promise<Record<string, unknown>> | Record<string, unknown>;
  readonly view?: (record: StoredRecord, call: Call) => object;
}

export function recordRoutes(spec: RecordRoutes): IdentityRoute[] {
  const { kind, path, singular, plural } = spec;
  const [one, many] = spec.rule ?? [singular, plural];
  const parameter = `${singular === 'identity_provider' ? 'idp' : singular === 'service_provider' ? 'sp' : singular}_id`;
  const member = `${path}/:${parameter}`;
  const idOf = (call: Call) => call.params[parameter]!;
  const plain = ({ extra, ...record }: StoredRecord) => ({ ...(extra as object), ...record });
  const render = (call: Call, record: StoredRecord) =>
    withLink(call, path.slice(1), record, spec.view === undefined ? plain(record) : spec.view(record, call));
  const hide = (view: object) => {
    const { extra: _hidden, ...rest } = view as { extra?: object };
    return rest;
  };
  const show = (call: Call, record: StoredRecord) => ({ [singular]: hide(render(call, record)) });
  const prepare = async (call: Call, given: object) => (await spec.prepare?.({ ...given }, call)) ?? { ...given };
  const make = async (call: Call) => {
    call.require(`identity:create_${one}`);
    const given = await prepare(call, call.read(singular, spec.create));
    const id = spec.byPut ? idOf(call) : ((given['id'] as string | undefined) ?? newId());
    return created(show(call, await createRecord(call.identity, kind, id, given)));
  };
  return [
    {
      method: 'GET',
      path,
      handle: async (call) => {
        call.require(`identity:list_${many}`);
        const selection = readSelection(call.query, spec.filters ?? {});
        const found = await listRecords(call.identity.db, kind, selection);
        return listAnswer(
          call,
          plural,
          found.map((record) => hide(render(call, record))),
          selection,
        );
      },
    },
    spec.byPut ? { method: 'PUT', path: member, handle: make } : { method: 'POST', path, handle: make },
    {
      method: 'GET',
      path: member,
      handle: async (call) => {
        if (spec.existenceIsOpen) await mustFindRecord(call.identity.db, kind, idOf(call));
        call.require(`identity:get_${one}`);
        return ok(show(call, await mustFindRecord(call.identity.db, kind, idOf(call))));
      },
    },
    {
      method: 'PATCH',
      path: member,
      handle: async (call) => {
        if (spec.existenceIsOpen) await mustFindRecord(call.identity.db, kind, idOf(call));
        call.require(`identity:update_${one}`);
        const given = call.read(singular, spec.change) as Record<string, unknown>;
        if (given['id'] !== undefined && given['id'] !== idOf(call)) throw badRequest(`Cannot change ${singular} ID`);
        return ok(show(call, await updateRecord(call.identity, kind, idOf(call), await prepare(call, given))));
      },
    },
    {
      method: 'DELETE',
      path: member,
      handle: async (call) => {
        if (spec.existenceIsOpen) await mustFindRecord(call.identity.db, kind, idOf(call));
        call.require(`identity:delete_${one}`);
        await deleteRecord(call.identity, kind, idOf(call));
        return noContent;
      },
    },
  ];
}
