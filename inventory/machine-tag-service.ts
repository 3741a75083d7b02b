import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type { Inventory } from '../deploy-agent/protocol.ts';
import type { MachineTag } from './baremetal-stores.ts';
import { conditionsHold, RuleFailure, type RuleOperation, type RuleSubject } from './inspection-rule-policy.ts';
import { introspectionData } from './introspection-data.ts';
import { InventoryError, type Db, type Trx } from './node-record.ts';
import { notifyBootModel } from './node-service.ts';

/*
 * Tags by rule: a machine has a tag while the tag's conditions hold for its last inspection. Looked at anew at each inspection and when
 * the conditions change. A tag without conditions is given by hand.
 */
interface Inspected {
  readonly uuid: string;
  readonly name: string | null;
  readonly properties: object;
  readonly extra: object;
  readonly resource_class: string | null;
  readonly document: object;
}

const subjectOf = (node: Inspected): RuleSubject => ({
  node: {
    uuid: node.uuid,
    name: node.name,
    properties: node.properties,
    extra: node.extra,
    resource_class: node.resource_class,
  } as JsonObject,
  inventory: node.document as JsonObject,
  plugin_data: introspectionData(node.document as Inventory),
  traits: new Set(),
  ports: new Map(),
});

/** A condition that makes no sense with a machine's values does not hold for it. */
export function isTagged(conditions: readonly RuleOperation[], node: Inspected): boolean {
  try {
    return conditionsHold(conditions, subjectOf(node));
  } catch (error) {
    if (error instanceof RuleFailure) return false;
    throw error;
  }
}

const inspected = (db: Db, nodeUuid?: string) =>
  sql<Inspected>`
    select n.uuid, n.name, n.properties, n.extra, n.resource_class, i.document
    from node n join lateral (select document from inspection where node_uuid = n.uuid order by version desc limit 1) i on true
    ${nodeUuid === undefined ? sql`` : sql`where n.uuid = ${nodeUuid}`}`.execute(db);

const conditionsOf = (tag: Pick<MachineTag, 'conditions'>) => tag.conditions as RuleOperation[];

async function setTagged(
  trx: Trx,
  tagUuid: string,
  nodes: readonly { readonly uuid: string; readonly isTagged: boolean }[],
): Promise<void> {
  const [has, hasNot] = [true, false].map((wanted) => nodes.filter((node) => node.isTagged === wanted).map(({ uuid }) => uuid));
  await sql`insert into node_tag (node_uuid, tag_uuid) select unnest(${has}::uuid[]), ${tagUuid} on conflict do nothing`.execute(trx);
  await sql`delete from node_tag where tag_uuid = ${tagUuid} and node_uuid = any(${hasNot}::uuid[])`.execute(trx);
}

/** After an inspection: every tag with conditions, for this machine. */
export async function retagNode(trx: Trx, nodeUuid: string): Promise<void> {
  const tags = await trx
    .selectFrom('machine_tag')
    .selectAll()
    .where(sql<boolean>`conditions <> '[]'`)
    .execute();
  const [node] = tags.length === 0 ? [] : (await inspected(trx, nodeUuid)).rows;
  if (node === undefined) return;
  for (const tag of tags) await setTagged(trx, tag.uuid, [{ uuid: nodeUuid, isTagged: isTagged(conditionsOf(tag), node) }]);
}

/** After its conditions were written: this tag, for every machine that was inspected. */
export async function retagAll(trx: Trx, tag: Pick<MachineTag, 'uuid' | 'conditions'>): Promise<void> {
  const conditions = conditionsOf(tag);
  if (conditions.length > 0) {
    await sql`delete from node_tag where tag_uuid = ${tag.uuid}`.execute(trx);
    const { rows } = await inspected(trx);
    await setTagged(
      trx,
      tag.uuid,
      rows.map((node) => ({ uuid: node.uuid, isTagged: isTagged(conditions, node) })),
    );
  }
  await notifyBootModel(trx);
}

/** By hand. @throws InventoryError 404, 409 for a tag whose conditions decide */
export async function tagByHand(trx: Trx, nodeUuid: string, name: string, wanted: boolean): Promise<void> {
  const tag = await trx.selectFrom('machine_tag').selectAll().where('name', '=', name).executeTakeFirst();
  if (tag === undefined) throw new InventoryError(404, `Tag ${name} could not be found.`);
  if (conditionsOf(tag).length > 0)
    throw new InventoryError(409, `The conditions of the tag ${name} decide which machines have it: it can not be given or taken by hand.`);
  await setTagged(trx, tag.uuid, [{ uuid: nodeUuid, isTagged: wanted }]);
  await notifyBootModel(trx);
}
