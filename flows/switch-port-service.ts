import { sql, type Kysely, type Transaction } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { signalFlow } from '../core/flow/flow-service.ts';
import { interfaceOf } from '../inventory/driver-table.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { nodeLock } from '../inventory/node-service.ts';
import { isApplied, nameOf, type NetworkPurpose, type SwitchPortFact } from './switch-port-policy.ts';

/*
 * Switch ports of machines as rows: who wishes what of which (flows, one row for each port of a node with `network_interface` neutron), and what the switch was
 * seen to have (whoever carries it out). A switch port is one node's.
 */
type Db = Kysely<DatabaseSchema> | Transaction<DatabaseSchema>;
type Trx = Transaction<DatabaseSchema>;

/** Told in each transaction that changes what a switch port shall carry; `NETWORK_CHANGED` is told besides. */
export const SWITCH_WISH = 'switch_wish';

export const switchPortsKey = (nodeUuid: string): string => `switch-ports:${nodeUuid}`;

export const isSwitched = (node: Pick<NodeRecord, 'driver' | 'interfaces'>): boolean => interfaceOf(node, 'network') === 'neutron';

const vlanOf = (
  network: string,
) => `(select g.segmentation_id from network_segment g where g.network_id = ${network} and g.network_type = 'vlan'
  and g.physical_network = s.physical_network order by g.position limit 1)`;
const networkOf = (alias: string) => `json_build_object('id', ${alias}.id, 'name', ${alias}.name, 'vlan', ${vlanOf(`${alias}.id`)})`;

/** Of the port, or else of its group. */
const VIF = `coalesce(b.internal_info ->> 'tenant_vif_port_id', r.internal_info ->> 'tenant_vif_port_id')`;

/** A port that is now said to be elsewhere is nobody's to touch there, nor is one of a node that has another `network_interface` now: they are left out. */
const FACTS = `select w.switch_id as "switchId", w.port_id as "portId", s.name as "switchName", s.physical_network as "physicalNetwork",
  w.node_uuid as "nodeId", w.port_uuid as "portUuid", b.address as mac, w.purpose, w.network_id is not null as "hasNetworkId",
  (select ${networkOf('n')} from network n where n.id = w.network_id) as network,
  case when ${VIF} is not null then json_build_object('id', ${VIF},
    'network', (select ${networkOf('n')} from network n where n.id = v.network_id),
    'subPorts', (select coalesce(json_agg(json_build_object('id', k.port_id, 'tag', coalesce(k.segmentation_id, ${vlanOf('n.id')}), 'network', ${networkOf('n')})
      order by k.segmentation_id), '[]') from network_trunk t join network_subport k on k.trunk_id = t.id join network_port kp on kp.id = k.port_id
      join network n on n.id = kp.network_id where t.port_id = v.id)) end as vif,
  case when b.internal_info ->> 'tenant_vif_port_id' is null and r.internal_info ->> 'tenant_vif_port_id' is not null then json_build_object(
    'name', coalesce(r.name, r.uuid::text), 'mode', r.mode, 'members', (select json_agg(json_build_object('mac', o.address,
      'switchId', lower(o.local_link_connection ->> 'switch_id'), 'portId', o.local_link_connection ->> 'port_id') order by o.seq)
      from port o where o.portgroup_uuid = r.uuid)) end as "group",
  w.applied, w.differs_since as "differsSince", w.last_error as "lastError", s.last_error as "switchError"
  from switch_port w join port b on b.uuid = w.port_uuid and lower(b.local_link_connection ->> 'switch_id') = w.switch_id
    and b.local_link_connection ->> 'port_id' = w.port_id
  join node m on m.uuid = w.node_uuid and m.interfaces ->> 'network' = 'neutron'
  left join switch s on s.chassis_mac = w.switch_id
  left join portgroup r on r.uuid = b.portgroup_uuid
  left join network_port v on v.id::text = ${VIF} and v.host = w.node_uuid::text`;

const readFacts = async (db: Db, where: ReturnType<typeof sql>): Promise<SwitchPortFact[]> =>
  (await sql<SwitchPortFact>`${sql.raw(FACTS)} where ${where} order by w.switch_id, w.port_id`.execute(db)).rows;

export const switchPortsOfNode = (db: Db, nodeUuid: string) => readFacts(db, sql`w.node_uuid = ${nodeUuid}`);
export const switchPortsOfSwitch = (db: Db, chassisMac: string) => readFacts(db, sql`w.switch_id = ${chassisMac}`);
export const allSwitchPorts = (db: Db) => readFacts(db, sql`true`);

export interface PortWish {
  readonly switchId: string;
  readonly portId: string;
  readonly portUuid: string;
  readonly networkId: string | null;
}

interface LinkRow {
  readonly uuid: string;
  readonly address: string;
  readonly pxe_enabled: boolean;
  readonly link: { readonly switch_id?: string; readonly port_id?: string; readonly network_type?: string };
  readonly switch_name: string | null;
  readonly touches: readonly string[] | null;
  readonly holder: string | null;
}

/** Only the port that boots is the agent's; for a tenant each follows its VIF. @returns what hinders it, in words */
export async function planPorts(
  db: Db,
  nodeUuid: string,
  purpose: NetworkPurpose,
  networkId: string | null,
): Promise<{ readonly wishes: readonly PortWish[] } | { readonly problem: string }> {
  const { rows } = await sql<LinkRow>`
    select b.uuid, b.address, b.pxe_enabled, b.local_link_connection as link, s.name as switch_name, s.touches,
      (select coalesce(n.name, n.uuid::text) from switch_port w join node n on n.uuid = w.node_uuid
       where w.switch_id = lower(b.local_link_connection ->> 'switch_id') and w.port_id = b.local_link_connection ->> 'port_id'
         and w.node_uuid <> ${nodeUuid}) as holder
    from port b left join switch s on s.chassis_mac = lower(b.local_link_connection ->> 'switch_id')
    where b.node_uuid = ${nodeUuid} order by b.seq`.execute(db);
  const linked = rows.filter(({ link }) => link.switch_id !== undefined && link.port_id !== undefined && link.network_type !== 'unmanaged');
  for (const { address, link, switch_name: name, holder, touches } of linked) {
    if (name === null)
      return { problem: `Port ${address} is plugged into the switch ${link.switch_id}, which the configuration does not have.` };
    if (!mayTouch(touches, link.port_id!)) return { problem: `${link.port_id} of ${name} is none of the ports that may be changed there.` };
    if (holder !== null)
      return {
        problem: `${nameOf({ portId: link.port_id!, switchName: name, switchId: link.switch_id! })} is said to be ${holder}'s too.`,
      };
  }
  const isMissing = purpose !== 'none' && purpose !== 'inspection' && !linked.some((port) => purpose === 'tenant' || port.pxe_enabled);
  if (isMissing)
    return { problem: 'No port of the node that boots from the network has a local_link_connection: which switch port is it?' };
  return {
    wishes: linked.map(({ uuid, link, pxe_enabled: boots }) => ({
      switchId: link.switch_id!.toLowerCase(),
      portId: link.port_id!,
      portUuid: uuid,
      networkId: boots ? networkId : null,
    })),
  };
}

/** What a machine is told by LLDP, or a person types, does not open the way to an uplink where the configuration names the ports. */
const mayTouch = (touches: readonly string[] | null, port: string): boolean =>
  touches === null || touches.some((pattern) => new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`).test(port));

/** Whether these wishes are other ones than the rows have: whose network stays goes on as it is. */
export async function differsFromRows(db: Db, nodeUuid: string, purpose: NetworkPurpose, wishes: readonly PortWish[]): Promise<boolean> {
  const rows = await db.selectFrom('switch_port').selectAll().where('node_uuid', '=', nodeUuid).execute();
  const target = (of: string, networkId: string | null) => (of === 'tenant' ? 'tenant' : (networkId ?? 'none'));
  const texts = (all: readonly string[]) => all.toSorted().join();
  return (
    texts(rows.map((row) => `${row.port_uuid} ${row.switch_id} ${row.port_id} ${target(row.purpose, row.network_id)}`)) !==
    texts(wishes.map((wish) => `${wish.portUuid} ${wish.switchId} ${wish.portId} ${target(purpose, wish.networkId)}`))
  );
}

/** The rows of the node are these from now on. */
export async function writeWishes(trx: Trx, nodeUuid: string, purpose: NetworkPurpose, wishes: readonly PortWish[]): Promise<void> {
  await sql`delete from switch_port where node_uuid = ${nodeUuid} and not (switch_id, port_id, port_uuid) in
    (select x."switchId", x."portId", x."portUuid" from jsonb_to_recordset(${JSON.stringify(wishes)}::jsonb)
       as x ("switchId" text, "portId" text, "portUuid" uuid))`.execute(trx);
  for (const { switchId, portId, portUuid, networkId } of wishes)
    await trx
      .insertInto('switch_port')
      .values({ switch_id: switchId, port_id: portId, node_uuid: nodeUuid, port_uuid: portUuid, purpose, network_id: networkId })
      .onConflict((conflict) =>
        conflict
          .columns(['switch_id', 'port_id'])
          .doUpdateSet({ purpose, network_id: networkId, last_error: null, differs_since: sql`now()` })
          .where('switch_port.node_uuid', '=', nodeUuid),
      )
      .execute();
}

/** What a look at a switch found, port by port. */
export interface PortOutcome {
  readonly fact: SwitchPortFact;
  readonly applied: SwitchPortFact['applied'];
  readonly error: string | null;
}

/** Writes what was seen, tells the ports of the Network API and whoever waits. */
export async function recordOutcomes(trx: Trx, outcomes: readonly PortOutcome[]): Promise<void> {
  const seen = outcomes.map(({ fact, applied, error }) => ({ fact: { ...fact, applied }, error }));
  for (const { fact, error } of seen)
    await sql`update switch_port set applied = ${fact.applied === null ? null : JSON.stringify(fact.applied)}::jsonb, last_error = ${error},
        applied_at = case when ${isApplied(fact)} then coalesce(case when differs_since is null then applied_at end, now()) else applied_at end,
        differs_since = case when ${isApplied(fact)} then null else coalesce(differs_since, now()) end
      where switch_id = ${fact.switchId} and port_id = ${fact.portId}`.execute(trx);
  const vifs = seen.flatMap(({ fact }) => (fact.vif === null ? [] : [fact.vif.id]));
  // Of a bond all members have to be as they shall be.
  const isUp = sql`exists (${vifPort(sql`true`)}) and not exists (${vifPort(sql`w.differs_since is not null`)})`;
  await sql`update network_port p set status = case when ${isUp} then 'ACTIVE' else 'DOWN' end
    where p.id::text = any(${vifs}) and p.vif_type = 'other' and p.status <> case when ${isUp} then 'ACTIVE' else 'DOWN' end`.execute(trx);
  for (const nodeUuid of new Set(outcomes.map(({ fact }) => fact.nodeId))) await tellNode(trx, nodeUuid);
}

/** Switch ports of the tenant's time that carry the network port `p`. */
const vifPort = (condition: ReturnType<typeof sql>) => sql`select from switch_port w join port b on b.uuid = w.port_uuid
  left join portgroup r on r.uuid = b.portgroup_uuid where w.purpose = 'tenant' and ${sql.raw(VIF)} = p.id::text and ${condition}`;

/** Whoever works on the node looks again. */
async function tellNode(trx: Trx, nodeUuid: string): Promise<void> {
  const working = await trx
    .selectFrom('flow')
    .select('id')
    .where('lock_key', '=', nodeLock(nodeUuid))
    .where('status', 'in', ['running', 'unwinding'])
    .executeTakeFirst();
  if (working !== undefined) await signalFlow(trx, switchPortsKey(nodeUuid), null);
}

export interface ConfiguredSwitch {
  readonly name: string;
  readonly chassisMac: string;
  readonly driver: string;
  readonly physicalNetwork: string;
  readonly touches: readonly string[] | null;
}

/** The switches are these: others are gone, and their ports nobody's to change. */
export async function writeSwitches(trx: Trx, switches: readonly ConfiguredSwitch[]): Promise<void> {
  await sql`delete from switch where chassis_mac <> all(${switches.map(({ chassisMac }) => chassisMac)})`.execute(trx);
  for (const { name, driver, chassisMac, physicalNetwork, touches } of switches) {
    const values = { name, driver, physical_network: physicalNetwork, touches: touches === null ? null : [...touches] };
    await trx
      .insertInto('switch')
      .values({ chassis_mac: chassisMac, ...values })
      .onConflict((conflict) => conflict.column('chassis_mac').doUpdateSet(values))
      .execute();
  }
}

export async function recordSwitch(
  trx: Trx,
  chassisMac: string,
  seen: { readonly model: string; readonly software: string } | { readonly error: string; readonly nextTryAt: Date },
): Promise<void> {
  if ('error' in seen) {
    await sql`update switch set failing_since = coalesce(failing_since, now()), last_error = ${seen.error}, next_try_at = ${seen.nextTryAt}
      where chassis_mac = ${chassisMac}`.execute(trx);
    const nodes = await trx
      .selectFrom('switch_port')
      .select('node_uuid')
      .distinct()
      .where('switch_id', '=', chassisMac)
      .where('differs_since', 'is not', null)
      .execute();
    for (const { node_uuid: nodeUuid } of nodes) await tellNode(trx, nodeUuid);
    return;
  }
  await sql`update switch set model = ${seen.model}, software = ${seen.software}, seen_at = now(), failing_since = null, last_error = null, next_try_at = null
    where chassis_mac = ${chassisMac}`.execute(trx);
}

/** The Network API's network by its UUID or name. */
export async function findNetworkId(db: Db, named: string): Promise<{ readonly id: string } | { readonly problem: string }> {
  const { rows } = await sql<{ id: string }>`select id from network where id::text = ${named} or name = ${named} limit 2`.execute(db);
  if (rows.length === 0) return { problem: `There is no network ${named}.` };
  return rows.length > 1 ? { problem: `More than one network is called ${named}: name it by its UUID.` } : rows[0]!;
}
