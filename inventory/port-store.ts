import type { Selectable } from 'kysely';
import type { PortTable } from '../core/database/inventory-tables.ts';
import { recordStore } from './record-store.ts';

export type Port = Selectable<PortTable>;
export const portStore = recordStore<Port>('port', 'p', ['extra', 'internal_info', 'local_link_connection']);
