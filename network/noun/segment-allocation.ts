import { badInput, conflict, NetworkError } from '../network-error.ts';
import { integer, orNull, record, text } from '../mechanism/attribute-types.ts';
import { query } from '../mechanism/statement.ts';
import type { Row, Trx, Values, Work } from '../resource.ts';

/*
 * What a network is made of on the wire. A segment's id is unique by constraint: of two that choose the same one, the second
 * chooses again. A project that has a range of its own gets its networks there.
 */
export interface Segment {
  readonly network_type: string;
  readonly physical_network: string | null;
  /** Null: one has to be found, where the type has ids. */
  readonly segmentation_id: number | null;
}

export const SEGMENT_WISH = record({
  'provider:network_type?': text(32),
  'provider:physical_network?': orNull(text(64)),
  'provider:segmentation_id?': orNull(integer(0)),
});

export const TUNNELS: readonly string[] = ['geneve', 'vxlan', 'gre'];
const ID_MOST: Readonly<Record<string, number>> = { vlan: 4094, vxlan: 2 ** 24 - 1, geneve: 2 ** 24 - 1, gre: 2 ** 31 - 1 };
const TENANT_TYPE = 'geneve';
/** Small numbers first: people read them. */
const FIRST_IDS = 2000;
const GUESSES = 8;

/** The segments that a request names; none: the cloud chooses. */
export async function readSegments(work: Work, values: Values): Promise<Segment[]> {
  const wishes = values['segments'] as Values[] | undefined;
  const single = PROVIDER.some((name) => values[name] !== undefined);
  if (wishes !== undefined && wishes.length > 0) {
    if (single) throw badInput('Segments and provider values cannot both be set');
    return wishes.map(segmentOf);
  }
  if (single) return [segmentOf(values)];
  const own = await query<{ network_type: string }>(
    work.trx,
    `select network_type from network_segment_range where project_id = $1 and not shared and not "default" and network_type <> 'vlan' limit 1`,
    [values['project_id']],
  );
  return [{ network_type: own[0]?.network_type ?? TENANT_TYPE, physical_network: null, segmentation_id: null }];
}

const PROVIDER = ['provider:network_type', 'provider:physical_network', 'provider:segmentation_id'] as const;

export function segmentOf(values: Values): Segment {
  const [type, physical = null, id = null] = PROVIDER.map((name) => values[name]) as [string?, (string | null)?, (number | null)?];
  if (type === undefined) throw badInput('provider:network_type required');
  return checkSegment({ network_type: type, physical_network: physical === '' ? null : physical, segmentation_id: id });
}

/** @throws NetworkError 400 */
export function checkSegment(segment: Segment): Segment {
  const { network_type: type, physical_network: physical, segmentation_id: id } = segment;
  const hasPhysical = type === 'flat' || type === 'vlan';
  if (!['local', 'flat', 'vlan', ...TUNNELS].includes(type)) throw badInput(`provider:network_type '${type}' not supported`);
  if (!hasPhysical && physical !== null) throw badInput(`provider:physical_network specified for ${type} network`);
  if (type === 'flat' && physical === null) throw badInput('provider:physical_network required for flat provider network');
  if (type === 'vlan' && physical === null) throw badInput('provider:physical_network required for VLAN provider network');
  const most = ID_MOST[type];
  if (id !== null && most === undefined) throw badInput(`provider:segmentation_id specified for ${type} network`);
  if (id !== null && most !== undefined && (id < 1 || id > most))
    throw badInput(`provider:segmentation_id out of range (1 through ${most})`);
  return segment;
}

export async function addSegments(work: Work, networkId: string, projectId: string, segments: readonly Segment[]): Promise<void> {
  for (const [position, segment] of segments.entries()) await addSegment(work.trx, networkId, projectId, segment, position);
}

/** Gives its id. @throws NetworkError 409, 503 */
export async function addSegment(
  trx: Trx,
  networkId: string,
  projectId: string,
  segment: Segment,
  position: number,
  more: { name?: string | null; description?: string } = {},
): Promise<string> {
  const { network_type: type, physical_network: physical, segmentation_id: asked } = segment;
  const isChosen = asked === null && type in ID_MOST;
  const insert = async (id: number | null) =>
    (
      await query<{ id: string }>(
        trx,
        `insert into network_segment (project_id, network_id, network_type, physical_network, segmentation_id, position, name, description)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning id`,
        [projectId, networkId, type, physical, id, position, more.name ?? null, more.description ?? ''],
      )
    )[0]?.id;
  if (!isChosen) {
    const id = await insert(asked);
    if (id === undefined) throw taken(segment);
    return id;
  }
  for (;;) {
    const free = await freeId(trx, projectId, type, physical);
    if (free === undefined)
      throw new NetworkError(
        503,
        'NoNetworkAvailable',
        'Unable to create the network. No available network found in maximum allowed attempts.',
      );
    const id = await insert(free);
    if (id !== undefined) return id;
  }
}

function taken({ network_type: type, physical_network: physical, segmentation_id: id }: Segment): NetworkError {
  if (type === 'flat') return conflict('FlatNetworkInUse', `Unable to create the flat network. Physical network ${physical} is in use.`);
  if (type === 'vlan')
    return conflict('VlanIdInUse', `Unable to create the network. The VLAN ${id} on physical network ${physical} is in use.`);
  return conflict('TunnelIdInUse', `Unable to create the network. The tunnel ID ${id} is in use.`);
}

/** The project's own ranges if it has some, else everybody's. */
async function freeId(trx: Trx, projectId: string, type: string, physical: string | null): Promise<number | undefined> {
  const ranges = await query<{ minimum: number; maximum: number; own: boolean }>(
    trx,
    `select minimum, maximum, project_id = $1 and not shared as own from network_segment_range
     where network_type = $2 and physical_network is not distinct from $3 and (shared or "default" or project_id = $1) order by own desc`,
    [projectId, type, physical],
  );
  const usable = ranges.some((range) => range.own) ? ranges.filter((range) => range.own) : ranges;
  if (usable.length === 0 && type === 'vlan') usable.push({ minimum: 1, maximum: ID_MOST['vlan']!, own: false });
  for (const { minimum, maximum } of usable) {
    const found =
      (await guessFree(trx, type, physical, minimum, Math.min(maximum, minimum + FIRST_IDS - 1))) ??
      (await firstFree(trx, type, physical, minimum, maximum));
    if (found !== undefined) return found;
  }
  return undefined;
}

const IS_FREE = `not exists (select from network_segment s where s.network_type = $1 and s.physical_network is not distinct from $2
  and s.segmentation_id = n)`;

async function guessFree(trx: Trx, type: string, physical: string | null, first: number, last: number): Promise<number | undefined> {
  const guesses = Array.from({ length: GUESSES }, () => first + Math.floor(Math.random() * (last - first + 1)));
  const rows = await query<{ n: number }>(trx, `select n from unnest($3::bigint[]) n where ${IS_FREE} limit 1`, [type, physical, guesses]);
  return rows[0]?.n;
}

async function firstFree(trx: Trx, type: string, physical: string | null, first: number, last: number): Promise<number | undefined> {
  const rows = await query<{ n: number }>(
    trx,
    `select n from (select generate_series($3::bigint, $4::bigint) as n) each where ${IS_FREE} limit 1`,
    [type, physical, first, last],
  );
  return rows[0]?.n;
}

/** Of a network that is there only the id of its one VLAN can change. */
export async function updateSegmentation({ trx }: Work, before: Row, changes: Values): Promise<void> {
  if (changes['segments'] !== undefined) throw badInput('Plugin does not support updating provider attributes');
  const changed = PROVIDER.filter((name) => name in changes && changes[name] !== before[name]);
  if (changed.length === 0) return;
  const type = String(before['provider:network_type']);
  const id = Number(changes['provider:segmentation_id']);
  if (changed.some((name) => name !== 'provider:segmentation_id') || type !== 'vlan' || before['segments'] !== null)
    throw badInput('Plugin does not support updating provider attributes');
  const segment = checkSegment({
    network_type: type,
    physical_network: before['provider:physical_network'] as string,
    segmentation_id: id,
  });
  const rows = await query(
    trx,
    `update network_segment s set segmentation_id = $2 where network_id = $1 and not exists (select from network_segment o
     where o.network_type = s.network_type and o.physical_network = s.physical_network and o.segmentation_id = $2) returning id`,
    [before.id, id],
  );
  if (rows.length === 0) throw taken(segment);
}
