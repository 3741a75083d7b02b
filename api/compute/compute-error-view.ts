import { ComputeError } from '../../compute/compute-error.ts';
import { ImageError } from '../../images/image-error.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { NetworkError } from '../../network/network-error.ts';
import { Refusal, type ToldRefusal } from '../service-plugin.ts';

/** Refusals as Nova's clients expect them: an object whose only member is named after the status. */
const NAMES: Readonly<Record<number, string>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  406: 'computeFault',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

export const computeErrorBody = ({ status, message }: ToldRefusal): { readonly body: unknown } => ({
  body: { [NAMES[status] ?? 'computeFault']: { code: status, message } },
});

/** Rooms below tell their refusals with a status of their own. */
export function explainComputeError(error: unknown): Refusal | undefined {
  if (error instanceof ComputeError || error instanceof NetworkError || error instanceof ImageError)
    return new Refusal(error.status, error.message);
  // What a node can not do now is a conflict with its state to whoever asked for a server.
  if (error instanceof InventoryError) return new Refusal(error.status === 400 ? 409 : error.status, error.message);
  return undefined;
}
