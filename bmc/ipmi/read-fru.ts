import { isMalformed } from '../../core/base/malformed.ts';
import { BmcError } from '../capability.ts';
import { TOO_MUCH } from './completion-code-codec.ts';
import { decodeFru, decodeFruAreaInfo, getFruAreaInfo, readFru, type FruInventory } from './fru-codec.ts';
import { decodeFruRecords, type FruRecords } from './fru-multi-record-codec.ts';
import { IpmiCompletionError, type IpmiEndpoint } from './ipmi-endpoint.ts';

/** Reads FRU device 0 in the largest pieces that this BMC returns. */
const BUILT_IN_FRU = 0;
const CHUNK_BYTES_MAX = 64;
const CHUNK_BYTES_MIN = 8;
/** The three areas that are read hold at most 3 * 255 * 8 bytes; inventories past this are broken or hold other things. */
const INVENTORY_BYTES_MAX = 8192;

/** Records that make no sense are left out: who made the machine counts more. */
export async function readFruInventory(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<FruInventory & Partial<FruRecords>> {
  const info = await endpoint.ask(getFruAreaInfo(BUILT_IN_FRU), decodeFruAreaInfo, signal);
  const unit = info.byWords ? 2 : 1;
  const sizeBytes = Math.min(info.sizeBytes, INVENTORY_BYTES_MAX);
  const pieces: Buffer[] = [];
  let chunkBytes = CHUNK_BYTES_MAX;
  for (let offset = 0; offset < sizeBytes;) {
    try {
      const wanted = Math.min(chunkBytes, sizeBytes - offset);
      const answer = await endpoint.call(readFru(BUILT_IN_FRU, offset / unit, Math.ceil(wanted / unit)), signal);
      const piece = answer.subarray(1, 1 + (answer[0] ?? 0) * unit);
      if (piece.length === 0) break;
      pieces.push(piece);
      offset += piece.length;
    } catch (error) {
      const smaller = error instanceof IpmiCompletionError && TOO_MUCH.includes(error.completion) && chunkBytes > CHUNK_BYTES_MIN;
      // Some BMCs say more than they have: what came before the end is the inventory.
      if (!smaller && error instanceof IpmiCompletionError && pieces.length > 0 && !error.retryable) break;
      if (!smaller) throw error;
      chunkBytes /= 2;
    }
  }
  const image = Buffer.concat(pieces);
  const inventory = decodeFru(image);
  if ('malformed' in inventory)
    throw new BmcError('protocol', inventory.reason, 'The FRU of this machine was never written or is damaged.');
  const records = decodeFruRecords(image);
  return isMalformed(records) ? inventory : { ...inventory, ...records };
}
