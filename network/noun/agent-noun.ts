import { anything, boolean, listOf, orNull, shown, text } from '../mechanism/attribute-types.ts';
import { id, PUBLIC } from '../mechanism/standard-attributes.ts';
import { updateRow } from '../mechanism/row-write.ts';
import { notFound } from '../network-error.ts';
import { attribute, attributes, type AttributeType, type Resource } from '../resource.ts';

/** Programs that carry networks out, as they announced themselves. One that was not heard of for this long is dead, as in OpenStack. */
const ALIVE_SECONDS = 75;
const IS_ALIVE = `(t.heartbeat_timestamp > now() - interval '${ALIVE_SECONDS} seconds')`;
const inWords = (column: string) => `to_char(t.${column} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')`;
/** A dead one says why it is taken for dead. */
const CONFIGURATIONS = `case when ${IS_ALIVE} then t.configurations
  else jsonb_build_object('reason', 'nothing was heard of it since ' || ${inWords('heartbeat_timestamp')}) || t.configurations end`;

export const DHCP_AGENT = 'DHCP agent';
export const L3_AGENT = 'L3 agent';
/** The one there is; other kinds of agents are in none. */
export const ZONE = 'nova';
export const zoneOf = (agentType: string): string | null => (agentType === DHCP_AGENT || agentType === L3_AGENT ? ZONE : null);

const zones = listOf(text(255), { kind: 'text[]' });
/** Zones that somebody would like to be served in. @throws NetworkError 404 */
export const zoneHints: AttributeType = {
  ...zones,
  read(value) {
    const read = zones.read(value) as string[];
    const other = read.find((zone) => zone !== ZONE);
    if (other !== undefined) throw notFound('AvailabilityZoneNotFound', `AvailabilityZone ${other} could not be found.`);
    return read;
  },
};

export const agents: Resource = {
  member: 'agent',
  collection: 'agents',
  path: '/agents',
  table: 'network_agent',
  verbs: ['update', 'delete'],
  scope: PUBLIC,
  notFound: (each) => notFound('AgentNotFound', `Agent ${each} could not be found.`),
  attributes: attributes({
    id,
    agent_type: attribute(shown(), 'filter sort'),
    binary: attribute(shown(), 'filter sort'),
    topic: attribute(shown(), 'filter sort'),
    host: attribute(shown(), 'filter sort'),
    availability_zone: attribute(shown(), 'filter'),
    admin_state_up: attribute(boolean, 'put filter sort'),
    description: attribute(orNull(text(255)), 'put filter sort'),
    alive: attribute(boolean, 'filter sort', { sql: IS_ALIVE }),
    created_at: attribute(shown(), 'sort', { sql: inWords('created_at') }),
    started_at: attribute(shown(), 'sort', { sql: inWords('started_at') }),
    heartbeat_timestamp: attribute(shown(), 'sort', { sql: inWords('heartbeat_timestamp') }),
    configurations: attribute(anything, '', { sql: CONFIGURATIONS }),
    resources_synced: attribute(anything, '', { sql: 'null::boolean' }),
  }),
  async update({ trx }, before, changes) {
    await updateRow(trx, agents, before.id, { ...changes, ...(changes['description'] === null ? { description: '' } : {}) });
  },
};
