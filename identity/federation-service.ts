import type { Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { badRequest, conflict, IdentityError, notFound } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import type { Selection } from './list-query-policy.ts';
import { findDomain, projects } from './project-record.ts';
import { mappingKind } from './record-kinds.ts';
import { findRecord, mustFindRecord } from './record-service.ts';
import { recordStore } from './store/record-store.ts';
import { onUnique } from './store/unique-violation.ts';

/** Identity providers and their protocols: whom we trust to say who somebody is, and how their words are read. */
type ProviderRow = Selectable<IdentityTables['identity_provider']>;
export type ProviderRecord = ProviderRow & { readonly remoteIds: readonly string[] };
export type ProtocolRecord = Selectable<IdentityTables['identity_federation_protocol']>;

export interface ProviderRequest {
  readonly enabled?: boolean | undefined;
  readonly description?: string | null | undefined;
  readonly domain_id?: string | null | undefined;
  readonly authorization_ttl?: number | null | undefined;
  readonly remote_ids?: readonly string[] | null | undefined;
}

const providers = recordStore('identity_provider');
const remotes = recordStore('identity_provider_remote');
const protocols = recordStore('identity_federation_protocol');

async function withRemotes(db: Reader, row: ProviderRow): Promise<ProviderRecord> {
  const remoteIds = (await remotes.list<{ remote_id: string }>(db, { provider_id: row.id })).map((remote) => remote.remote_id);
  return { ...row, remoteIds };
}

export async function mustFindProvider(db: Reader, id: string): Promise<ProviderRecord> {
  const row = await providers.find<ProviderRow>(db, { id });
  if (row === undefined) throw notFound('Identity Provider', id);
  return withRemotes(db, row);
}

export async function listProviders(db: Reader, selection: Selection): Promise<ProviderRecord[]> {
  const rows = await providers.list<ProviderRow>(db, {}, selection);
  return Promise.all(rows.map((row) => withRemotes(db, row)));
}

async function storeRemotes(trx: Writer, id: string, remoteIds: readonly string[] | null | undefined): Promise<void> {
  if (remoteIds === undefined) return;
  await remotes.remove(trx, { provider_id: id });
  for (const remoteId of remoteIds ?? [])
    await onUnique(remotes.insert(trx, { remote_id: remoteId, provider_id: id }), () =>
      conflict('remote_id', `Duplicate remote ID: ${remoteId}`),
    );
}

/** Its users live in a domain: the given one, or one of their own. */
export async function createProvider(context: IdentityContext, id: string, request: ProviderRequest): Promise<ProviderRecord> {
  return context.write(async (trx) => {
    const domainId = request.domain_id ?? (await makeDomain(trx, id));
    if ((await findDomain(trx, domainId)) === undefined) throw badRequest(`Could not find domain: ${domainId}.`);
    const row = {
      id,
      domain_id: domainId,
      enabled: request.enabled ?? false,
      description: request.description ?? null,
      authorization_ttl_minutes: request.authorization_ttl ?? null,
    };
    await onUnique(providers.insert(trx, row), () => conflict('identity_provider', `Duplicate entry: ${id}`));
    await storeRemotes(trx, id, request.remote_ids);
    return mustFindProvider(trx, id);
  });
}

async function makeDomain(trx: Writer, providerId: string): Promise<string> {
  const id = newId();
  const description = `Auto generated federated domain for Identity Provider: ${providerId}`;
  await projects.insert(trx, { id, name: id, is_domain: true, enabled: true, description, options: {}, extra: {} });
  return id;
}

export async function updateProvider(context: IdentityContext, id: string, request: ProviderRequest): Promise<ProviderRecord> {
  return context.write(async (trx) => {
    await mustFindProvider(trx, id);
    const change = { enabled: request.enabled, description: request.description, authorization_ttl_minutes: request.authorization_ttl };
    await providers.update(trx, { id }, change);
    await storeRemotes(trx, id, request.remote_ids);
    return mustFindProvider(trx, id);
  });
}

export async function deleteProvider(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    if ((await providers.remove(trx, { id })) === 0) throw notFound('Identity Provider', id);
  });
}

export async function mustFindProtocol(db: Reader, providerId: string, id: string): Promise<ProtocolRecord> {
  const found = await protocols.find<ProtocolRecord>(db, { provider_id: providerId, id });
  if (found === undefined) throw new IdentityError(404, `Could not find federated protocol ${id} for Identity Provider: ${providerId}.`);
  return found;
}

export async function listProtocols(db: Reader, providerId: string, selection: Selection): Promise<ProtocolRecord[]> {
  await mustFindProvider(db, providerId);
  return protocols.list<ProtocolRecord>(db, { provider_id: providerId }, selection);
}

export interface ProtocolRequest {
  readonly mapping_id?: string | undefined;
  readonly remote_id_attribute?: string | undefined;
}

async function checkMapping(db: Reader, request: ProtocolRequest): Promise<void> {
  if (request.mapping_id !== undefined && (await findRecord(db, mappingKind, request.mapping_id)) === undefined)
    throw badRequest(`Could not find mapping: ${request.mapping_id}.`);
}

export async function createProtocol(
  context: IdentityContext,
  providerId: string,
  id: string,
  request: ProtocolRequest,
): Promise<ProtocolRecord> {
  return context.write(async (trx) => {
    await mustFindProvider(trx, providerId);
    await checkMapping(trx, request);
    const row = { provider_id: providerId, id, mapping_id: request.mapping_id!, remote_id_attribute: request.remote_id_attribute ?? null };
    await onUnique(protocols.insert(trx, row), () => conflict('federation_protocol', `Duplicate entry: ${id}`));
    return mustFindProtocol(trx, providerId, id);
  });
}

export async function updateProtocol(
  context: IdentityContext,
  providerId: string,
  id: string,
  request: ProtocolRequest,
): Promise<ProtocolRecord> {
  return context.write(async (trx) => {
    await mustFindProtocol(trx, providerId, id);
    await checkMapping(trx, request);
    await protocols.update(trx, { provider_id: providerId, id }, { ...request });
    return mustFindProtocol(trx, providerId, id);
  });
}

export async function deleteProtocol(context: IdentityContext, providerId: string, id: string): Promise<void> {
  await context.write(async (trx) => {
    await mustFindProtocol(trx, providerId, id);
    await protocols.remove(trx, { provider_id: providerId, id });
  });
}

export const mappingOf = (db: Reader, protocol: ProtocolRecord) => mustFindRecord(db, mappingKind, protocol.mapping_id);
