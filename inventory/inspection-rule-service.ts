import type { JsonObject } from '../core/base/json.ts';
import { isTrait } from '../core/base/trait-names.ts';
import type { Inventory } from '../deploy-agent/protocol.ts';
import { activeFlow, cancelFlow } from '../core/flow/flow-service.ts';
import { applyRules, RULE_NODE_FIELDS, RULE_PORT_FIELDS, RuleFailure, type Rule, type RuleSubject } from './inspection-rule-policy.ts';
import { introspectionData } from './introspection-data.ts';
import type { NodeRecord, Trx } from './node-record.ts';
import { nodeLock } from './node-service.ts';
import { updateNode, type NodeFields } from './node-store.ts';
import { retagNode } from './machine-tag-service.ts';
import { portStore, type Port } from './port-store.ts';
import { listTraits, setTraits } from './trait-service.ts';

/*
 * Applies the inspection rules to a machine that has just been inspected, in the transaction that stores the inspection.
 * A rule that fails ends the inspection that is under way; one of a machine that came by itself leaves its reason.
 */
export async function applyInspectionRules(trx: Trx, node: NodeRecord, inventory: JsonObject): Promise<void> {
  await applyRulesTo(trx, node, inventory);
  await retagNode(trx, node.uuid);
}

async function applyRulesTo(trx: Trx, node: NodeRecord, inventory: JsonObject): Promise<void> {
  const rules = (await trx
    .selectFrom('inspection_rule')
    .selectAll()
    .where('phase', '=', 'main')
    .orderBy('seq')
    .execute()) as unknown as Rule[];
  if (rules.length === 0) return;
  const ports = (await trx.selectFrom('port').selectAll().where('node_uuid', '=', node.uuid).execute()) as Port[];
  const had = await listTraits(trx, node.uuid);
  const subject: RuleSubject = {
    node: structuredClone(pick(node, [...RULE_NODE_FIELDS, 'uuid', 'driver', 'provision_state'])),
    inventory: structuredClone(inventory),
    plugin_data: introspectionData(inventory as unknown as Inventory),
    traits: new Set(had),
    ports: new Map(ports.map((port) => [port.uuid, structuredClone(pick(port, [...RULE_PORT_FIELDS, 'address']))])),
  };
  try {
    applyRules(rules, subject);
    const wrong = [...subject.traits].find((trait) => !isTrait(trait));
    if (wrong !== undefined) throw new RuleFailure(`${wrong} is neither a standard trait nor CUSTOM_…`);
  } catch (error) {
    if (!(error instanceof RuleFailure)) throw error;
    return failInspection(trx, node, error.message);
  }
  await updateNode(trx, node.uuid, pick(subject.node as never, RULE_NODE_FIELDS) as NodeFields);
  for (const [uuid, port] of subject.ports) await portStore.update(trx, uuid, pick(port as never, RULE_PORT_FIELDS));
  if ([...subject.traits].toSorted().join() !== had.join()) await setTraits(trx, node.uuid, [...subject.traits]);
}

const pick = (record: object, names: readonly string[]): JsonObject =>
  Object.fromEntries(names.map((name) => [name, (record as JsonObject)[name] ?? null]));

async function failInspection(trx: Trx, node: NodeRecord, reason: string): Promise<void> {
  const message = `An inspection rule refused this machine: ${reason}`;
  const flow = await activeFlow(trx, nodeLock(node.uuid));
  if (flow?.kind === 'node.inspect') await cancelFlow(trx, flow.id, message);
  else await trx.updateTable('node').set({ last_error: message }).where('uuid', '=', node.uuid).execute();
}
