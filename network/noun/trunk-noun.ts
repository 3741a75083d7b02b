import { conflict, badInput, notFound, NetworkError } from '../network-error.ts';
import { boolean, integer, listOf, oneOf, record, shown, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { OWNED, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Trx, type Values, type Work } from '../resource.ts';
import { networks } from './network-noun.ts';
import { ports } from './port-noun.ts';

/** Several networks on one port, told apart by VLAN. The unique constraints are the rules: a port is in one place only. */
export const subPorts = listOf(
  record({ port_id: uuid, 'segmentation_type?': oneOf('vlan', 'inherit'), 'segmentation_id?': integer(1, 4094) }),
);
const SUB_PORTS = `(select coalesce(json_agg(json_build_object('segmentation_id', s.segmentation_id, 'segmentation_type', s.segmentation_type,
  'port_id', s.port_id) order by s.segmentation_id), '[]') from network_subport s where s.trunk_id = t.id)`;

export interface SubPort {
  readonly port_id: string;
  readonly segmentation_type?: string;
  readonly segmentation_id?: number;
}

export const trunks: Resource = {
  member: 'trunk',
  collection: 'trunks',
  path: '/trunks',
  table: 'network_trunk',
  verbs: ['create', 'update', 'delete'],
  quota: 'trunk',
  scope: OWNED,
  notFound: (id) => notFound('TrunkNotFound', `Trunk ${id} could not be found.`),
  attributes: attributes({
    ...standard,
    admin_state_up: attribute(boolean, 'post put filter sort', { default: true }),
    port_id: attribute(uuid, 'post filter sort'),
    status: attribute(shown(), 'filter sort'),
    sub_ports: attribute(subPorts, 'post', { default: [], sql: SUB_PORTS }),
  }),
  async create(work, asked) {
    const ids = [];
    for (const values of asked) ids.push(await createOne(work, values));
    return ids;
  },
  async remove({ trx }, row) {
    requireUp(row);
    await freePorts(trx, row.id, undefined);
    await query(trx, 'delete from network_trunk where id = $1', [row.id]);
    await touch(trx, 'network_port', [String(row['port_id'])]);
  },
};

async function createOne(work: Work, values: Values): Promise<string> {
  const portId = String(values['port_id']);
  await mustSee(work, ports, portId, { names: ['id', 'project_id'] });
  const used = await query<{ id: string }>(
    work.trx,
    'select id from network_trunk where port_id = $1 union select trunk_id from network_subport where port_id = $1',
    [portId],
  );
  if (used.length > 0) throw conflict('TrunkPortInUse', `Port ${portId} is in use by another trunk.`);
  const [id] = await insertRows(work.trx, trunks, [{ ...values, status: 'DOWN' }]);
  await insertSubPorts(work, { id: id!, port_id: portId }, values['sub_ports'] as SubPort[]);
  await touch(work.trx, 'network_port', [portId]);
  return id!;
}

export async function addSubPorts(work: Work, trunk: Row, asked: readonly SubPort[]): Promise<void> {
  requireUp(trunk);
  await insertSubPorts(work, { id: trunk.id, port_id: String(trunk['port_id']) }, asked);
  await touch(work.trx, 'network_trunk', [trunk.id]);
}

const requireUp = (trunk: Row) => {
  if (trunk['admin_state_up'] !== true) throw conflict('TrunkDisabled', `Trunk ${trunk.id} is currently disabled.`);
};

async function insertSubPorts(work: Work, trunk: { id: string; port_id: string }, asked: readonly SubPort[]): Promise<void> {
  const { trx } = work;
  if (new Set(asked.map((each) => each.port_id)).size < asked.length) throw badInput('sub_ports: duplicate port_id');
  const parentMtu = await mtuOfPort(trx, trunk.port_id);
  for (const each of asked) {
    const { type, id } = await segmentation(work, each);
    const port = await mustSee(work, ports, each.port_id, { names: ['id', 'project_id', 'device_id', 'network_id'] });
    if (port.id === trunk.port_id) throw conflict('ParentPortInUse', `Port ${port.id} is currently in use as the parent of the trunk.`);
    const mtu = await mtuOfPort(trx, port.id);
    if (mtu > parentMtu)
      throw conflict(
        'SubPortMtuGreaterThanTrunkPortMtu',
        `MTU ${mtu} of subport ${port.id} cannot be greater than MTU ${parentMtu} of its parent port ${trunk.port_id}.`,
      );
    await requirePortFree(trx, port, trunk.id);
    const rows = await query(
      trx,
      `insert into network_subport (port_id, trunk_id, segmentation_type, segmentation_id) values ($1, $2, $3, $4)
       on conflict do nothing returning port_id`,
      [port.id, trunk.id, type, id],
    );
    if (rows.length === 0)
      throw conflict('DuplicateSubPort', `segmentation_type ${type} and segmentation_id ${id} already in use on trunk ${trunk.id}.`);
    await query(trx, `update network_port set device_id = $2, device_owner = 'trunk:subport' where id = $1`, [port.id, trunk.id]);
  }
}

async function requirePortFree(trx: Trx, port: Row, trunkId: string): Promise<void> {
  const used = await query<{ id: string }>(
    trx,
    'select id from network_trunk where port_id = $1 union select trunk_id from network_subport where port_id = $1',
    [port.id],
  );
  if (used.length > 0) throw conflict('TrunkPortInUse', `Port ${port.id} is in use by another trunk.`);
  if (port['device_id'] !== '' && port['device_id'] !== trunkId)
    throw conflict(
      'PortInUse',
      `Unable to complete operation on port ${port.id}. Port already has an attached device ${String(port['device_id'])}.`,
    );
}

const mtuOfPort = async (trx: Trx, portId: string): Promise<number> =>
  (await query<{ mtu: number }>(trx, 'select n.mtu from network_port p join network n on n.id = p.network_id where p.id = $1', [portId]))[0]
    ?.mtu ?? 0;

/** `inherit`: the VLAN that the port's network has on the wire. */
async function segmentation(work: Work, asked: SubPort): Promise<{ type: string; id: number }> {
  if (asked.segmentation_type !== 'inherit') {
    if (asked.segmentation_type === undefined || asked.segmentation_id === undefined)
      throw badInput(
        `Invalid segmentation details ${asked.segmentation_type ?? 'none'} ${asked.segmentation_id ?? 'none'} of subport ${asked.port_id}: both are needed`,
      );
    return { type: asked.segmentation_type, id: asked.segmentation_id };
  }
  const port = await mustSee(work, ports, asked.port_id, { names: ['id', 'project_id', 'network_id'] });
  const network = await mustSee({ ...work, actor: { projectId: null, seesAll: true } }, networks, port['network_id']);
  const id = network['provider:segmentation_id'];
  if (network['provider:network_type'] !== 'vlan' || typeof id !== 'number')
    throw badInput(`Cannot accept segmentation type ${String(network['provider:network_type'])}: only vlan can be inherited`);
  return { type: 'vlan', id };
}

export async function removeSubPorts({ trx }: Work, trunk: Row, asked: readonly { readonly port_id: string }[]): Promise<void> {
  requireUp(trunk);
  const ids = asked.map((each) => each.port_id);
  const freed = await freePorts(trx, trunk.id, ids);
  const missing = ids.find((id) => !freed.includes(id));
  if (missing !== undefined)
    throw new NetworkError(404, 'SubPortNotFound', `SubPort on trunk ${trunk.id} with parent port ${missing} could not be found.`);
  await touch(trx, 'network_trunk', [trunk.id]);
}

async function freePorts(trx: Trx, trunkId: string, ids: readonly string[] | undefined): Promise<string[]> {
  const rows = await query<{ port_id: string }>(
    trx,
    'delete from network_subport where trunk_id = $1 and ($2::uuid[] is null or port_id = any($2::uuid[])) returning port_id',
    [trunkId, ids ?? null],
  );
  const freed = rows.map((row) => row.port_id);
  await query(trx, `update network_port set device_id = '', device_owner = '' where id = any($1::uuid[])`, [freed]);
  return freed;
}
