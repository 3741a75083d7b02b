import { badRequest, conflict, notFound, NetworkError } from '../network-error.ts';
import { anything, boolean, integer, oneOf, orNull, text, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch, updateRow } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { description, id, name, NAME_LENGTH_MAX, project, PUBLIC, tags, times } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Trx, type Values, type Work } from '../resource.ts';
import { networks } from './network-noun.ts';
import { addSegment, checkSegment, TUNNELS } from './segment-allocation.ts';

/** Segments of networks as their own noun, and the ranges that their ids come from. Both are administrators'. */
export const segments: Resource = {
  member: 'segment',
  collection: 'segments',
  path: '/segments',
  table: 'network_segment',
  verbs: ['create', 'update', 'delete'],
  scope: PUBLIC,
  notFound: (each) => notFound('SegmentNotFound', `Segment ${each} could not be found.`),
  attributes: attributes({
    id,
    project_id: attribute(text(255), 'post', { default: undefined, sql: null, column: 'project_id' }),
    tenant_id: attribute(text(255), 'post', { default: undefined, sql: null, column: null }),
    network_id: attribute(uuid, 'post filter sort'),
    network_type: attribute(text(32), 'post filter sort'),
    physical_network: attribute(orNull(text(64)), 'post filter sort', { default: null }),
    segmentation_id: attribute(orNull(integer(0)), 'post filter sort', { default: null }),
    name: attribute(orNull(text(NAME_LENGTH_MAX)), 'post put filter sort', { default: null }),
    description,
    ...times,
    tags,
  }),
  async create(work, asked) {
    const ids = [];
    for (const values of asked) ids.push(await createSegment(work, values));
    return ids;
  },
  async remove({ trx }, row) {
    const used = await query(trx, 'select from network_subnet where segment_id = $1 limit 1', [row.id]);
    if (used.length > 0)
      throw conflict('SegmentInUse', `Segment '${row.id}' cannot be deleted: The segment is still associated with subnet(s).`);
    await query(trx, 'delete from network_segment where id = $1', [row.id]);
    await touch(trx, 'network', [String(row['network_id'])]);
  },
};

async function createSegment(work: Work, values: Values): Promise<string> {
  const network = await mustSee(work, networks, values['network_id'], { names: ['id', 'project_id'] });
  const segment = checkSegment({
    network_type: String(values['network_type']),
    physical_network: values['physical_network'] as string | null,
    segmentation_id: values['segmentation_id'] as number | null,
  });
  const [last] = await query<{ position: number }>(
    work.trx,
    'select coalesce(max(position) + 1, 0) as position from network_segment where network_id = $1',
    [network.id],
  );
  const id = await addSegment(work.trx, network.id, network.project_id, segment, last!.position, {
    name: values['name'] as string | null,
    description: String(values['description']),
  });
  await touch(work.trx, 'network', [network.id]);
  return id;
}

const USED = `(select coalesce(json_object_agg(s.segmentation_id, s.project_id), '{}') from network_segment s where s.network_type = t.network_type
  and s.physical_network is not distinct from t.physical_network and s.segmentation_id between t.minimum and t.maximum
  and (t.shared or t.project_id = '' or s.project_id = t.project_id))`;
/** A range of sixteen million free ids is told by its ends. */
const LISTED_MAX = 100_000;
const AVAILABLE = `(select coalesce(json_agg(n), '[]') from generate_series(t.minimum, least(t.maximum, t.minimum + ${LISTED_MAX})) n
  where not exists (select from network_segment s where s.network_type = t.network_type
    and s.physical_network is not distinct from t.physical_network and s.segmentation_id = n))`;

export const segmentRanges: Resource = {
  member: 'network_segment_range',
  collection: 'network_segment_ranges',
  path: '/network_segment_ranges',
  table: 'network_segment_range',
  verbs: ['create', 'update', 'delete'],
  scope: PUBLIC,
  notFound: (each) => notFound('NetworkSegmentRangeNotFound', `Network Segment Range ${each} could not be found.`),
  attributes: attributes({
    id,
    name,
    ...project,
    default: attribute(boolean, 'filter'),
    shared: attribute(boolean, 'post filter', { default: true }),
    network_type: attribute(oneOf('vlan', 'vxlan', 'gre', 'geneve'), 'post filter'),
    physical_network: attribute(orNull(text(64)), 'post filter', { default: null }),
    minimum: attribute(integer(1, 2 ** 31 - 1), 'post put filter sort'),
    maximum: attribute(integer(1, 2 ** 31 - 1), 'post put filter sort'),
    used: attribute(anything, '', { sql: USED }),
    available: attribute(anything, '', { sql: AVAILABLE }),
    description,
    ...times,
    tags,
  }),
  async create({ trx }, asked) {
    const rows = asked.map((values) => rangeRow(values));
    for (const values of rows) await requireNoOverlap(trx, values, undefined);
    return insertRows(trx, segmentRanges, rows);
  },
  update: updateRange,
  async remove({ trx }, row) {
    requireOwn(row);
    await requireUnused(trx, row);
    await query(trx, 'delete from network_segment_range where id = $1', [row.id]);
  },
};

function rangeRow(values: Values): Values {
  const physical = values['physical_network'] === '' ? null : (values['physical_network'] as string | null);
  const isTunnel = TUNNELS.includes(String(values['network_type']));
  if (!isTunnel && physical === null) throw badRequest('physical_network is required for VLAN network segment ranges');
  if (isTunnel && physical !== null) throw badRequest('physical_network is not for tunnel network segment ranges');
  if (values['shared'] !== true && values['project_id'] === '')
    throw badRequest('A network segment range that is not shared belongs to a project');
  requireOrder(values);
  return { ...values, physical_network: physical, ...(values['shared'] === true ? { project_id: '' } : {}) };
}

function requireOrder(values: Values): void {
  const [least, most] = [Number(values['minimum']), Number(values['maximum'])];
  if (least > most || (values['network_type'] === 'vlan' && most > 4094))
    throw badRequest(`Invalid network segment range: '${least}:${most}'`);
}

const requireOwn = (row: Row) => {
  if (row['default'] === true)
    throw new NetworkError(
      400,
      'NetworkSegmentRangeDefaultReadOnly',
      `Network Segment Range ${row.id} is a default segment range which could not be updated or deleted.`,
    );
};

/** Ranges of projects lie over the shared ones and never over each other. */
async function requireNoOverlap(trx: Trx, values: Values, but: string | undefined): Promise<void> {
  const rows = await query<{ id: string }>(
    trx,
    `select id from network_segment_range where not "default" and network_type = $1 and physical_network is not distinct from $2
       and minimum <= $4 and maximum >= $3 and id is distinct from $5 and shared = $6 limit 1`,
    [values['network_type'], values['physical_network'], values['minimum'], values['maximum'], but ?? null, values['shared']],
  );
  if (rows.length > 0) throw conflict('NetworkSegmentRangeOverlaps', `Network segment range overlaps with range(s) with id ${rows[0]!.id}`);
}

async function requireUnused(trx: Trx, row: Row): Promise<void> {
  const rows = await query(
    trx,
    `select from network_segment where network_type = $1 and physical_network is not distinct from $2 and ($3 or project_id = $4)
       and segmentation_id between $5 and $6 limit 1`,
    [row['network_type'], row['physical_network'], row['shared'], row.project_id, row['minimum'], row['maximum']],
  );
  if (rows.length > 0)
    throw conflict(
      'NetworkSegmentRangeReferencedByProject',
      `Network Segment Range ${row.id} is referenced by one or more project networks.`,
    );
}

async function updateRange({ trx }: Work, before: Row, changes: Values): Promise<void> {
  requireOwn(before);
  const after = { ...before, ...changes };
  if ('minimum' in changes || 'maximum' in changes) {
    requireOrder(after);
    await requireNoOverlap(trx, after, before.id);
    await requireUnused(trx, before);
  }
  await updateRow(trx, segmentRanges, before.id, changes);
}
