import { type Kysely, sql } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { listRenditions } from '../images/image-rendition-service.ts';
import type { ImageStores } from '../images/image-store.ts';
import { STABLE_STATES } from '../inventory/provision-machine.ts';
import { askedForFilters, describeFilters } from '../network/metal-filter-service.ts';
import { readNetworkState } from '../network/network-state-record.ts';
import type { NetworkState } from '../network/ovn/network-state.ts';
import type { RowDifference } from '../network/ovn/ovn-difference-policy.ts';
import type { SwitchPortFact } from './switch-port-policy.ts';
import { describeWiring, type SwitchPort, type Wiring } from './wiring-policy.ts';
import { allSwitchPorts } from './switch-port-service.ts';
import { compareObjectFiles } from '../storage/object-audit.ts';

/** What should not be, and what nothing else would find: rows, files and networks that belong to nobody, and work that stands still. */
export interface AuditContext {
  readonly db: Kysely<DatabaseSchema>;
  readonly stores: ImageStores;
  /** What is younger is left out; {@link SETTLING_SECONDS} where nobody is in a hurry. */
  readonly settlingSeconds: number;
  /** Where the bytes of objects are. */
  readonly objectDirectory: string;
  /** Undefined without OVN. @throws when OVN does not answer in time */
  readonly compareOvn?: ((state: NetworkState) => Promise<readonly RowDifference[]>) | undefined;
  /** Undefined without switches. @throws when one does not answer in time */
  readonly compareSwitches?: ((facts: readonly SwitchPortFact[]) => Promise<readonly string[]>) | undefined;
}

export interface AuditCheck {
  readonly check: string;
  /** Why it could not be looked at; null: it was. */
  readonly error: string | null;
  readonly found: readonly string[];
}

/** More is told as a count: the first lead to the cause. */
export const FOUND_SHOWN_MAX = 100;
/** Between two steps of a flow, and while an upload's row and file are not both there yet: what is younger is left out. */
export const SETTLING_SECONDS = 120;

interface Check {
  readonly name: string;
  look(context: AuditContext): Promise<readonly string[]>;
}

/** Stands for the seconds in a statement. */
const SETTLING = ':settling';
/** Each statement gives one text a row. */
const rows = (name: string, text: string): Check => ({
  name,
  look: async ({ db, settlingSeconds }) =>
    (await sql.raw<{ it: string }>(text.replaceAll(SETTLING, String(settlingSeconds))).execute(db)).rows.map(({ it }) => it),
});
const settled = (column: string) => `${column} < now() - make_interval(secs => ${SETTLING})`;
const stable = [...STABLE_STATES].map((state) => `'${state}'`).join(', ');

/** Bytes are on their way into a store, which can take hours: what has no image yet may be theirs. */
const IMAGES_MOVE = `(exists (select from image where status in ('saving', 'importing'))
  or exists (select from flow where kind = 'image.import' and status in ('running', 'unwinding')))`;

const CHECKS: readonly Check[] = [
  rows(
    'addresses without ports',
    `select host(a.ip_address) || ' of subnet ' || a.subnet_id as it from network_address a
     where not exists (select from network_port p where p.id = a.port_id)`,
  ),
  rows(
    'ports of devices that are gone',
    `select p.id || ' of ' || p.device_owner || ' ' || p.device_id as it from network_port p
     where (p.device_owner = 'network:floatingip' and not exists (select from network_floatingip f where f.floating_port_id = p.id))
       or (p.device_owner = 'network:router_gateway' and not exists (select from network_router r where r.gateway_port_id = p.id))
       or (p.device_owner = 'trunk:subport' and not exists (select from network_subport s where s.port_id = p.id))
       or (p.vnic_type = 'baremetal' and p.host <> '' and not exists (select from node n where n.uuid::text = p.host))`,
  ),
  {
    name: 'OVN rows that differ',
    async look({ db, compareOvn }) {
      const found = compareOvn === undefined ? [] : await compareOvn(await readNetworkState(db));
      return found.map(
        ({ table, key, what, columns }) => `${table} ${key}: ${what}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}`,
      );
    },
  },
  {
    name: 'switch ports that differ',
    look: async ({ db, compareSwitches }) => (await compareSwitches?.(await allSwitchPorts(db))) ?? [],
  },
  rows(
    'switch ports that wait',
    `select w.port_id || ' of ' || coalesce(s.name, w.switch_id) || ' for ' || w.purpose || ': ' || coalesce(w.last_error, s.last_error, 'nobody makes it so') as it
     from switch_port w left join switch s on s.chassis_mac = w.switch_id where ${settled('w.differs_since')}`,
  ),
  {
    name: 'security groups on metal that nobody carries out',
    look: async ({ db }) => (await askedForFilters(db)).map((port) => `${port.nodeId}: ${describeFilters(port)}`),
  },
  { name: 'NICs in other switch ports than recorded', look: compareWiring },
  rows(
    'switches that do not answer',
    `select s.name || ' since ' || s.failing_since || ': ' || s.last_error as it from switch s where ${settled('s.failing_since')}`,
  ),
  rows(
    'image locations without bytes',
    `select l.image_id || ': ' || l.store || '/' || l.sha512 as it from image_location l where l.sha512 is not null
       and not exists (select from image_blob b where b.store = l.store and b.sha512 = l.sha512)`,
  ),
  rows(
    'image bytes that no image has',
    `select b.store || '/' || b.sha512 as it from image_blob b where ${settled('b.created_at')} and not ${IMAGES_MOVE}
       and not exists (select from image_location l where l.store = b.store and l.sha512 = b.sha512)`,
  ),
  { name: 'image files without rows, rows without files', look: compareStores },
  {
    name: 'uploads to image stores that nobody ends',
    look: listIncomplete,
  },
  { name: 'files made of images without rows, rows without files', look: compareRenditions },
  {
    name: 'object files without rows, rows without files',
    look: ({ db, objectDirectory, settlingSeconds }) => compareObjectFiles(db, objectDirectory, settlingSeconds * 1000),
  },
  rows(
    'object bytes that no object has',
    `select b.id::text as it from object_blob b where ${settled('b.created_at')}
       and not exists (select from object_item i where i.blob_id = b.id) and not exists (select from object_garbage g where g.blob_id = b.id)`,
  ),
  rows(
    'containers whose sums are not true',
    `select c.account || '/' || c.name || ': ' || told.objects || ' objects, ' || told.bytes || ' bytes; there are ' || there.objects || ', ' || there.bytes as it
     from object_container c
     cross join lateral (select coalesce(sum(u.objects), 0) as objects, coalesce(sum(u.bytes), 0) as bytes from object_usage u where u.container_id = c.id) as told
     cross join lateral (select count(*) as objects, coalesce(sum(i.size), 0) as bytes from object_item i where i.container_id = c.id) as there
     where told.objects <> there.objects or told.bytes <> there.bytes`,
  ),
  rows(
    'allocations without consumers',
    `select a.consumer_uuid || ' of ' || a.provider_uuid as it from placement_allocation a
     where not exists (select from placement_consumer c where c.uuid = a.consumer_uuid)`,
  ),
  rows(
    'claims of machines without servers',
    `select c.uuid || ' on ' || a.provider_uuid as it from placement_consumer c join placement_allocation a on a.consumer_uuid = c.uuid
     join placement_provider p on p.uuid = a.provider_uuid and p.node_uuid is not null where c.consumer_type = 'INSTANCE'
       and not exists (select from server s where s.uuid = c.uuid and s.deleted_at is null)`,
  ),
  rows(
    'servers without claims',
    `select s.uuid || ' on ' || s.node_uuid as it from server s where s.deleted_at is null and s.node_uuid is not null
       and not exists (select from placement_allocation a where a.consumer_uuid = s.uuid and a.provider_uuid = s.node_uuid)`,
  ),
  rows(
    'servers whose machine is not theirs',
    `select s.uuid || ' on ' || s.node_uuid as it from server s where s.deleted_at is null and s.node_uuid is not null and s.task is distinct from 'deleting'
       and not exists (select from node n where n.uuid = s.node_uuid and n.instance_uuid = s.uuid)`,
  ),
  rows(
    'machines and ports of servers that are gone',
    `select 'node ' || n.uuid || ' of ' || s.uuid as it from node n join server s on s.uuid = n.instance_uuid where s.deleted_at is not null
     union all select 'port ' || p.id || ' of ' || s.uuid from network_port p join server s on s.uuid::text = p.device_id
       where p.device_owner like 'compute:%' and s.deleted_at is not null`,
  ),
  rows(
    'servers that nothing moves',
    `select s.uuid || ': ' || s.task as it from server s where s.deleted_at is null and s.task is not null and ${settled('s.updated_at')}
       and not exists (select from flow f where f.subject_id = s.uuid::text and f.kind like 'server.%' and f.status in ('running', 'unwinding'))`,
  ),
  rows(
    'nodes that nothing moves',
    `select n.uuid || ': ' || n.provision_state as it from node n where n.provision_state not in (${stable})
       and ${settled('n.provision_updated_at')}
       and not exists (select from flow f where f.subject_id = n.uuid::text and f.status in ('running', 'unwinding'))`,
  ),
  rows(
    'work past its deadline',
    `select f.kind || ' of ' || f.subject_id || ' at ' || coalesce(f.step, 'its start') as it from flow f
     where f.status in ('running', 'unwinding') and ${settled('coalesce(f.wait_deadline, f.step_deadline)')}`,
  ),
];

/** Rows are read first and again after the files: what came or went meanwhile is nobody's fault. */
async function compareStores({ db, stores, settlingSeconds }: AuditContext): Promise<string[]> {
  const known = async () =>
    new Set((await db.selectFrom('image_blob').select(['store', 'sha512']).execute()).map((one) => `${one.store}/${one.sha512}`));
  const before = await known();
  const files = new Set<string>();
  for (const { id, list } of stores.all) for (const sha512 of await list(settlingSeconds * 1000)) files.add(`${id}/${sha512}`);
  const after = await known();
  const isStored = (name: string) => stores.all.some(({ id }) => name.startsWith(`${id}/`));
  const present = new Set((await Promise.all(stores.all.map(async ({ id, list }) => (await list(0)).map((one) => `${id}/${one}`)))).flat());
  return [
    ...[...files].filter((name) => !before.has(name) && !after.has(name)).map((name) => `${name}: a file without a row`),
    ...[...before].filter((name) => after.has(name) && isStored(name) && !present.has(name)).map((name) => `${name}: a row without a file`),
  ];
}

async function listIncomplete({ db, stores, settlingSeconds }: AuditContext): Promise<string[]> {
  const { rows } = await sql<{ move: boolean }>`select ${sql.raw(IMAGES_MOVE)} as move`.execute(db);
  if (rows[0]?.move === true) return [];
  const found = [...stores.all, stores.near].map(async (store) =>
    (await store.listIncomplete(settlingSeconds * 1000)).map((one) => `${store.id}/${one}`),
  );
  return (await Promise.all(found)).flat();
}

async function compareRenditions({ db, stores, settlingSeconds }: AuditContext): Promise<string[]> {
  const known = async () => new Set((await listRenditions(db)).map(({ sha512 }) => sha512));
  const before = await known();
  const files = await stores.near.list(settlingSeconds * 1000);
  const after = await known();
  const present = new Set(await stores.near.list(0));
  return [
    ...files.filter((name) => !before.has(name) && !after.has(name)).map((name) => `${name}: a file without a row`),
    ...[...before].filter((name) => after.has(name) && !present.has(name)).map((name) => `${name}: a row without a file`),
  ];
}

/** Of each machine its last inspection counts. */
async function compareWiring({ db }: AuditContext): Promise<string[]> {
  const { rows } = await sql<Omit<Wiring, 'told' | 'recorded'> & { told: SwitchPort; recorded: Partial<SwitchPort> }>`
    select coalesce(n.name, n.uuid::text) as node, b.uuid as "portUuid", b.address as mac, i.taken_at as "inspectedAt",
      jsonb_build_object('switchId', nic #> '{lldp,chassisId}', 'portId', nic #> '{lldp,portId}', 'switchName', nic #> '{lldp,systemName}') as told,
      jsonb_strip_nulls(jsonb_build_object('switchId', b.local_link_connection -> 'switch_id', 'portId', b.local_link_connection -> 'port_id',
        'switchName', b.local_link_connection -> 'switch_info')) as recorded
    from node n
    join lateral (select taken_at, document from inspection where node_uuid = n.uuid order by version desc limit 1) i on true
    cross join lateral jsonb_array_elements(case when jsonb_typeof(i.document -> 'nics') = 'array' then i.document -> 'nics' else '[]' end) nic
    join port b on b.node_uuid = n.uuid and b.address = lower(nic ->> 'mac')
    where nic #>> '{lldp,chassisId}' is not null and nic #>> '{lldp,portId}' is not null
    order by 1, 3`.execute(db);
  return rows.flatMap((wiring) => describeWiring(wiring) ?? []);
}

export async function auditInstallation(context: AuditContext): Promise<AuditCheck[]> {
  const results: AuditCheck[] = [];
  for (const { name, look } of CHECKS) {
    try {
      results.push({ check: name, error: null, found: await look(context) });
    } catch (error) {
      results.push({ check: name, error: (error as Error).message, found: [] });
    }
  }
  return results;
}
