import { badRequest } from './network-error.ts';
import { addAddresses, addressList, leavingList, removeAddresses } from './noun/address-group-noun.ts';
import { InvalidValue, type AttributeType, type Row, type Trx } from './resource.ts';

/** Addresses of a group one by one. */
function read(type: AttributeType, body: unknown): string[] {
  const { addresses, address_group: inner } = (body ?? {}) as { addresses?: unknown; address_group?: { addresses?: unknown } };
  try {
    return type.read(addresses ?? inner?.addresses) as string[];
  } catch (error) {
    if (error instanceof InvalidValue) throw badRequest(`Invalid input for addresses. Reason: ${error.message}.`);
    throw error;
  }
}

export const changeAddresses = (trx: Trx, group: Row, verb: 'add' | 'remove', body: unknown): Promise<void> =>
  verb === 'add' ? addAddresses(trx, group.id, read(addressList, body)) : removeAddresses(trx, group.id, read(leavingList, body));
