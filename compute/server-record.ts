import type { JsonObject } from '../core/base/json.ts';
import type { ServerState } from './server-machine.ts';

/** A server as its rows have it, with what its machine and its ports say. */
export interface ServerFlavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  readonly ram: number;
  readonly disk: number;
  readonly ephemeral: number;
  readonly swap: number;
  readonly extra_specs: Readonly<Record<string, string>>;
}

export interface ServerFault {
  readonly code: number;
  readonly message: string;
  readonly details: string;
  readonly created: string;
}

/** One interface: asked for, and since the port is there with it. */
export interface ServerNetwork {
  readonly port: string;
  readonly tag?: string;
  /** The port was made for the server, and goes with it. */
  readonly own: boolean;
}

export interface ServerAddress {
  readonly network: string;
  readonly address: string;
  readonly version: 4 | 6;
  readonly mac: string;
  readonly floating: readonly string[];
}

export interface ServerRecord {
  readonly uuid: string;
  readonly seq: number;
  readonly project_id: string;
  readonly user_id: string;
  readonly name: string;
  readonly hostname: string;
  readonly description: string | null;
  readonly flavor: ServerFlavor;
  readonly image_id: string | null;
  readonly image_properties: Readonly<Record<string, string>>;
  readonly key_name: string | null;
  readonly public_key: string | null;
  readonly user_data: string | null;
  readonly admin_password: string | null;
  readonly config_drive: boolean;
  readonly files: readonly { readonly path: string; readonly contents: string }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly zone_asked: string | null;
  readonly zone: string | null;
  readonly host: string | null;
  readonly node_uuid: string | null;
  readonly launch_index: number;
  readonly reservation_id: string;
  readonly access_ip_v4: string;
  readonly access_ip_v6: string;
  readonly disk_config: string;
  readonly networks: readonly ServerNetwork[];
  readonly hints: JsonObject;
  readonly group_uuid: string | null;
  /** What we last did; `vm_state` is what it is now. */
  readonly state: ServerState;
  readonly task: string | null;
  readonly fault: ServerFault | null;
  readonly locked_by: 'owner' | 'admin' | null;
  readonly locked_reason: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly launched_at: Date | null;
  readonly terminated_at: Date | null;
  readonly deleted_at: Date | null;
  readonly node_name: string | null;
  readonly node_state: string | null;
  readonly power: 0 | 1 | 4;
  readonly vm_state: ServerState;
}

/** With what lists and single views show besides. */
export interface ShownServer extends ServerRecord {
  readonly addresses: readonly ServerAddress[];
  readonly security_groups: readonly string[];
  readonly host_status: 'UP' | 'DOWN' | 'MAINTENANCE' | '';
}
