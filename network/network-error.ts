/** A refusal of the network room: status and `type` are what the Network API's clients match on. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly status: number;
  readonly type: string;
  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

export const badInput = (reason: string): NetworkError => new NetworkError(400, 'InvalidInput', `Invalid input for operation: ${reason}.`);
export const badRequest = (message: string): NetworkError => new NetworkError(400, 'HTTPBadRequest', message);
export const conflict = (type: string, message: string): NetworkError => new NetworkError(409, type, message);
export const notFound = (type: string, message: string): NetworkError => new NetworkError(404, type, message);
