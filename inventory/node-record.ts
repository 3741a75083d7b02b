import type { Selectable, Transaction, Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import type { NodeTable } from '../core/database/inventory-tables.ts';
import type { ProvisionState } from './provision-machine.ts';

export type Trx = Transaction<DatabaseSchema>;
export type Db = Kysely<DatabaseSchema> | Trx;
/** A node as stored. Secrets stay sealed until a flow needs them. */
export type NodeRecord = Omit<Selectable<NodeTable>, 'provision_state'> & { readonly provision_state: ProvisionState };

/** An expected refusal: the API turns it into the client's error body, with this status. */
export class InventoryError extends Error {
  override readonly name = 'InventoryError';
  readonly status: 400 | 403 | 404 | 409;
  /** Another flow holds the node now: the same call may work a moment later. */
  readonly isLocked: boolean;
  constructor(status: 400 | 403 | 404 | 409, message: string, options: { isLocked?: boolean } = {}) {
    super(message);
    this.status = status;
    this.isLocked = options.isLocked === true;
  }
}
