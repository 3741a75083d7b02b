import { sql } from 'kysely';
import { portgroupStore, type Portgroup } from './baremetal-stores.ts';
import { interfaceOf } from './driver-table.ts';
import { InventoryError, type Db, type Trx } from './node-record.ts';
import { mustLock } from './node-service.ts';
import { portStore, type Port } from './port-store.ts';
import { TENANT_VIF, vifOf } from './port-service.ts';

/*
 * VIFs: a virtual port of a tenant's network on a physical link of the node, a group of links before a single one. Kept
 * on the link, so that whoever builds the network finds it there.
 */
export interface VifWish {
  readonly id: string;
  readonly portUuid?: string;
  readonly portgroupUuid?: string;
}

export type Link = Port | Portgroup;

const linksOf = async (db: Db, nodeUuid: string) => ({
  ports: (await db.selectFrom('port').selectAll().where('node_uuid', '=', nodeUuid).orderBy('seq').execute()) as Port[],
  groups: (await db.selectFrom('portgroup').selectAll().where('node_uuid', '=', nodeUuid).orderBy('seq').execute()) as Portgroup[],
});

/** The links of `noop` are nobody's to attach anything to. */
const isNoop = (node: { driver: string; interfaces: object }) => interfaceOf(node, 'network') === 'noop';

export async function listVifs(db: Db, node: { uuid: string; driver: string; interfaces: object }): Promise<{ id: string }[]> {
  if (isNoop(node)) return [];
  const { ports, groups } = await linksOf(db, node.uuid);
  return [...ports, ...groups]
    .map(vifOf)
    .filter((vif) => vif !== undefined)
    .map((id) => ({ id }));
}

/** The link that it is on now; none on links of nobody's. @throws 400 without a free link, 409 when it is attached already. */
export async function attachVif(trx: Trx, nodeUuid: string, wish: VifWish): Promise<Link | undefined> {
  const node = await mustLock(trx, nodeUuid);
  if (isNoop(node)) return undefined;
  const { ports, groups } = await linksOf(trx, nodeUuid);
  const holder = [...ports, ...groups].find((link) => vifOf(link) === wish.id);
  if (holder !== undefined) {
    const kind = 'mode' in holder ? 'Portgroup' : 'Port';
    throw new InventoryError(409, `Unable to attach VIF because VIF ${wish.id} is already attached to Ironic ${kind} ${holder.uuid}`);
  }
  const link = chooseLink(ports, groups, wish);
  if (link === undefined) throw new InventoryError(400, `Unable to attach VIF ${wish.id}, not enough free physical ports.`);
  const info = { ...link.internal_info, [TENANT_VIF]: wish.id };
  if ('mode' in link) await portgroupStore.update(trx, link.uuid, { internal_info: info });
  else await portStore.update(trx, link.uuid, { internal_info: info });
  return link;
}

/** A group with members and no VIF on any of them, else a port of no group; one that boots from the network first. */
function chooseLink(ports: readonly Port[], groups: readonly Portgroup[], wish: VifWish): Port | Portgroup | undefined {
  const usable = ports.filter((port) => wish.portUuid === undefined || port.uuid === wish.portUuid);
  const free = usable.filter((port) => vifOf(port) === undefined);
  if (wish.portUuid === undefined) {
    const group = groups.find((each) => {
      const members = ports.filter((port) => port.portgroup_uuid === each.uuid);
      const isFree = vifOf(each) === undefined && members.length > 0 && members.every((port) => vifOf(port) === undefined);
      return isFree && (wish.portgroupUuid === undefined || wish.portgroupUuid === each.uuid);
    });
    if (group !== undefined || wish.portgroupUuid !== undefined) return group;
  }
  const single = free.filter((port) => port.portgroup_uuid === null || wish.portUuid !== undefined);
  return single.find((port) => port.pxe_enabled) ?? single[0];
}

/** @throws 400 when it is not attached. */
export async function detachVif(trx: Trx, nodeUuid: string, vif: string): Promise<void> {
  const node = await mustLock(trx, nodeUuid);
  if (isNoop(node)) return;
  const tables = ['port', 'portgroup'] as const;
  const changed = await Promise.all(
    tables.map((table) =>
      sql`update ${sql.table(table)} set internal_info = internal_info - ${TENANT_VIF}::text, updated_at = now()
        where node_uuid = ${nodeUuid} and internal_info ->> ${TENANT_VIF} = ${vif} returning uuid`.execute(trx),
    ),
  );
  if (changed.every(({ rows }) => rows.length === 0))
    throw new InventoryError(400, `Unable to detach VIF ${vif} from node ${nodeUuid} because it is not attached to it.`);
}

/** How a link is cabled, as a binding of the Network API says it: a group by all its members. */
export async function cablingOf(trx: Trx, link: Link): Promise<{ switchLinks: readonly unknown[]; group: GroupInformation | null }> {
  if ('local_link_connection' in link) return { switchLinks: [link.local_link_connection], group: null };
  const members = await trx
    .selectFrom('port')
    .select('local_link_connection')
    .where('portgroup_uuid', '=', link.uuid)
    .orderBy('seq')
    .execute();
  return {
    switchLinks: members.map((member) => member.local_link_connection),
    group: { id: link.uuid, name: link.name, bond_mode: link.mode, bond_properties: link.properties },
  };
}

export interface GroupInformation {
  readonly id: string;
  readonly name: string | null;
  readonly bond_mode: string;
  readonly bond_properties: unknown;
}

/** A bond that a machine makes of its links for a VIF. */
export interface Bond {
  readonly mode: string;
  /** Options of Linux' driver. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** MAC addresses. */
  readonly members: readonly string[];
}

/** By VIF: of those that are on port groups. */
export async function bondsOf(db: Db, vifs: readonly string[]): Promise<ReadonlyMap<string, Bond>> {
  const { rows } = await sql<Bond & { vif: string }>`select g.internal_info ->> ${TENANT_VIF} as vif, g.mode, g.properties,
      (select coalesce(json_agg(p.address order by p.seq), '[]') from port p where p.portgroup_uuid = g.uuid) as members
    from portgroup g where g.internal_info ->> ${TENANT_VIF} = any(${vifs})`.execute(db);
  return new Map(rows.map(({ vif, ...bond }) => [vif, bond]));
}
