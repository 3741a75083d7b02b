import type { ColumnType } from 'kysely';
import type { JsonObject } from '../base/json.ts';

type Instant = ColumnType<Date | null, Date | null | undefined, Date | null>;

/** Rows about switches that machines are plugged into. */
export interface SwitchTables {
  switch: {
    /** As in LLDP, in canonical form. */
    chassis_mac: string;
    name: string;
    driver: string;
    physical_network: string;
    /** Names of ports that may be changed, `*` for any characters; null: every one that a machine is said to be plugged into. */
    touches: string[] | null;
    model: string | null;
    software: string | null;
    seen_at: Instant;
    /** Null: it answers. */
    failing_since: Instant;
    last_error: string | null;
    next_try_at: Instant;
  };
  switch_port: {
    switch_id: string;
    port_id: string;
    node_uuid: string;
    port_uuid: string;
    purpose: string;
    /** Of all purposes but `tenant`, where it is that of the port's VIF, and `none`. */
    network_id: string | null;
    /** The VLANs that the switch was last seen to have there: `{ untagged, tagged }`. */
    applied: ColumnType<JsonObject | null, string | null | undefined, string | null>;
    applied_at: Instant;
    /** Null: it was as it shall be when last looked at. */
    differs_since: Instant;
    last_error: string | null;
  };
}
